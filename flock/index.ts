export type { GraphFault, GraphCheckOptions, GraphCheckProgress, GraphCheckReport } from './check/checkGraph.js';
export { graphFaultText } from './check/checkGraphs.js';
export { EdgeCaches } from './cached/edgeCaches.js';
export { graphsOf } from './graphs.js';
export { DroppedGraphs, type PlannedGraphDrop } from './dropped/droppedGraphs.js';
export type { DroppedGraph } from './dropped/droppedGraphStore.js';
export { type WrittenEdge, Flock, type FlockOptions } from './flock.js';
export { flockStore, openFlock } from './flockStore.js';
export type { FlockService } from './flockService.js';
export { edgeWriteJob, recountJobs, type EdgeChange } from './jobs/edgeWriteJob.js';
export type { ScanPage, StoredEdge, StoredNode } from './scan.js';
export { flockProcessor } from './service/flockProcessor.js';
export { injectedFlockdb } from './service/injectedFlockdb.js';
export { operationRank, operations, rankOf, setsPosition, stateOfRank } from './states.js';
export { secondOf, timeOfSecond } from './wholeSeconds.js';
export {
  edgeStates,
  type Acknowledgment,
  type BatchedWrite,
  type Direction,
  type Edge,
  type EdgePage,
  type EdgeState,
  type EdgeWrites,
  type Explanation,
  type GraphInfo,
  type IdPage,
  type JournalStatus,
  type NewestOf,
  type Node,
  type NodeLocation,
  type NodeWrite,
  type Operation,
  type PageRequest,
  type Query,
  type ReadOptions,
  type StateCounts,
  type Term,
  type WriteBatch,
  type WriteOptions,
} from '../wire/index.js';
export type { Priority } from '../core/index.js';
