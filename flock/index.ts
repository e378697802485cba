export type { AuditFault, AuditOptions, AuditProgress, AuditReport } from './audit/audit.js';
export { Flock, openFlock, type OpenFlockOptions } from './flock.js';
export { operationRank, operations, rankOf, setsPosition, stateOfRank } from './states.js';
export * from './types.js';
