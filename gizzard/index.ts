export { Gizzard, type GizzardOptions } from './gizzard.js';
export { keyHash, keyHashes, type KeyHash } from './hashes/index.js';
export { DatabaseHost, type SqlResult, type SqlRow, type SqlSession, type SqlValue } from './hosts/databaseHost.js';
export { DatabaseHosts } from './hosts/databaseHosts.js';
export type { FollowUp, JobType } from './jobs/jobType.js';
export type { QueueSizes, StoredJob } from './jobs/journal.js';
export { priorities, type Priority } from './jobs/priority.js';
export { NameServer } from './nameServer/nameServer.js';
export { behaviors, nodeType, nodeTypes, type Behavior, type NodeType } from './nodes/index.js';
export { readOrder, type Leaf, type Route, type TreeNode } from './routing/route.js';
export type { ShardType } from './shardType.js';
export { applyChanges, type Change } from './topology/changes.js';
export { Topology, type Location } from './topology/topology.js';
export {
  busyStates,
  parseShardId,
  shardKey,
  type BusyState,
  type Forwarding,
  type HostWeight,
  type Link,
  type ShardId,
  type ShardInfo,
  type TableInfo,
  type TopologyState,
} from './topology/types.js';
