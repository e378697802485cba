export { Gizzard, type GizzardOptions } from './gizzard.js';
export type { GizzardTypes } from './registeredTypes.js';
export {
  type Backend,
  type DroppedList,
  type DroppedShard,
  type KeptShard,
  type Host,
  type HostLoad,
  type HostLook,
  type HostRoom,
  maxAsideNameChars,
} from './backend.js';
export { Hosts, unknownHostText } from './hosts.js';
export type { Control } from './control/control.js';
export type { ReplicaHealth } from './control/replicasHealth.js';
export { fnv1aOf, keyHash, keyHashes, type KeyHash } from './hashes/index.js';
export { clockFaults, clockFaultText, isWrong, maxClockDifferenceMs, type ClockFault } from './doctor/clockFaults.js';
export { unknownHosts } from './topology/unknownHosts.js';
export type { AnyJobType, ClusterJobType, FollowUp, JobBounds, JobType } from './jobs/jobType.js';
export { decodeJob, type RawEntry } from './jobs/jobEntry.js';
export {
  followPurpose,
  unarchivedMs,
  type ArchivedEntry,
  type ArchiveLook,
  type JournalArchive,
  type JournalPlace,
} from './jobs/journalArchive.js';
export type { ArchiveWork } from './jobs/streamKeys.js';
export { jobToExactJson } from './jobs/jobJson.js';
export { skewMs } from './jobs/clockSkew.js';
export type { JournalLook } from './jobs/journalGuard.js';
export { lostText } from './jobs/lostText.js';
export {
  JobQueues,
  storedQueues,
  type HostQueues,
  type JobQueueName,
  type JobView,
  type QueueLoad,
  type QueueStatus,
  type StoredQueue,
} from './jobs/jobQueues.js';
export { requirePayloadVersion, UnknownJob, unknownJobsText, type UnknownJobs } from './jobs/unknownJobs.js';
export { laggingHostText, type LaggingHost } from './jobs/laggingHosts.js';
export type { JobTimes, NewJob, QueueSizes } from './jobs/journal.js';
export { timedJob, timedJobType, type TimedJobType } from './jobs/timedJob.js';
export type { RemoteJob, SendJobs } from './jobs/remoteRelay.js';
export type { Notices } from './jobs/notices.js';
export type { AuditEntry } from './nameServer/audit.js';
export type { Check, Examination, Finding } from './doctor/check.js';
export type { Doctor } from './doctor/doctor.js';
export { drainHost, type HostDrain } from './migrations/drainHost.js';
export { checkHost } from './migrations/hostCheck.js';
export {
  leftBehind,
  phaseOf,
  type Migration,
  type MigrationOptions,
  type MigrationState,
  type MigrationStep,
} from './migrations/migration.js';
export type { MigrationReport, Migrations } from './migrations/migrations.js';
export { parseTemplate, type LeafType } from './migrations/parseTemplate.js';
export {
  changePartitions,
  leavesPerHost,
  merge,
  moveShard,
  placesOf,
  planTable,
  rebalanceHosts,
  rebalanceTemplates,
  split,
  transform,
  transformTree,
  type TreePlace,
} from './migrations/planRequests.js';
export type { HostShare, WeightedTemplate } from './migrations/planRebalance.js';
export { MigrationPlanner } from './migrations/planMigration.js';
export type { WantedTree } from './migrations/wantedTree.js';
export type { MovedLoad, PlanSummary } from './migrations/planSummary.js';
export { copyCount, type MigrationPlan, type Phase, type PlannedStep } from './migrations/steps.js';
export { printTemplate, type Template } from './migrations/template.js';
export { differingRows } from './moving/differingRows.js';
export { inParts } from './moving/inParts.js';
export type { DroppedTables } from './moving/droppedTables.js';
export type { Movable, MovableTable, RowsDigest, SavedCell, SavedRows, ShardSize } from './moving/movable.js';
export { RowPace } from './moving/rowPace.js';
export { toldOfWrites, type WrittenRows } from './moving/toldOfWrites.js';
export { shardSizes } from './moving/shardSizes.js';
export type { Moves } from './moving/moves.js';
export {
  dayWindowsText,
  parseDayWindows,
  type MoveThrottleNow,
  type MoveThrottleSettings,
} from './moving/moveThrottle.js';
export {
  remainingMs,
  type Difference,
  type HashRange,
  type MoveRates,
  type MoveState,
  type MoveTask,
} from './moving/moveTask.js';
export { hostsOf, serverName, type Servers, type ServerVersion } from './moving/servers.js';
export type { Stray, Strays, StraysReport } from './moving/strays.js';
export { ShardKeys } from './moving/shardKeys.js';
export { NameServer, thisProcess } from './nameServer/nameServer.js';
export { isBehind, newestOf, type ReplicaLook } from './nameServer/replicas.js';
export type { LogChange, RollbackEntry, RollbackLog } from './nameServer/rollbackLog.js';
export { behaviors, nodeType, nodeTypes, type Behavior, type NodeType } from './nodes/index.js';
export { GatheredReads, type Answers } from './routing/gatheredReads.js';
export type { Heat, KeyHeat, TreeHeat } from './routing/heat.js';
export { readOrder, type Leaf, type Route, type TreeNode } from './routing/route.js';
export {
  AttributeForms,
  attributeOf,
  plainAttributes,
  type ShardAttribute,
  type ShardAttributes,
} from './shardAttributes.js';
export type { ShardType, ShardUpgrade } from './shardType.js';
export { Upgrades, type PendingUpgrade } from './upgrades/upgrades.js';
export { applyChanges, type Change } from './topology/changes.js';
export { changeSentence, changesSummary } from './topology/changeText.js';
export { changesFromJson, changesToJson } from './topology/changeJson.js';
export { changesBetween } from './topology/changesBetween.js';
export { planShards, type ShardsPlan } from './topology/planShards.js';
export { Topology, type Location } from './topology/topology.js';
export { topologyEffects, type TopologyEffects } from './topology/topologyEffects.js';
export { topologyFromJson, topologyToJson } from './topology/topologyFile.js';
export { refuseEmptied } from './topology/refuseEmptied.js';
export { topologyWarnings } from './topology/topologyWarnings.js';
export {
  busyStates,
  emptyTopology,
  parseShardId,
  remoteStatuses,
  shardKey,
  type BusyState,
  type Fanout,
  type Forwarding,
  type HostWeight,
  type Link,
  type RemoteHost,
  type RemoteStatus,
  type ShardId,
  type Attributes,
  type ShardInfo,
  type TableInfo,
  type TopologyState,
} from './topology/types.js';
