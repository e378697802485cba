export type { AuditFault, AuditOptions, AuditProgress, AuditReport } from './audit/audit.js';
export { EdgeCaches } from './cached/edgeCaches.js';
export { edgeKey, nodeKey, parseEdgeKey, parseNodeKey } from './cached/edgeKeys.js';
export { Flock, flockTypes, openFlock, type FlockOptions, type OpenFlockOptions } from './flock.js';
export { edgeWriteJob, recountJobs, type EdgeChange } from './jobs/edgeWriteJob.js';
export type { ScanPage, StoredEdge, StoredNode } from './scan.js';
export { operationRank, operations, rankOf, setsPosition, stateOfRank } from './states.js';
export * from './types.js';
export { secondOf, timeOfSecond } from './wholeSeconds.js';
