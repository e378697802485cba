export type { AlertRule } from './alertRule.js';
export { cachedKind, type CachedKind, type CachedKinds, type KeyOption, type KeyOptions } from './cachedKind.js';
export { checkReplicas } from './checkReplicas.js';
export { lookUntilSure, type Suspected } from './lookUntilSure.js';
export { shownFaults, type CheckOptions, type CheckReport } from './checkReport.js';
export type { CliIo } from './cliIo.js';
export { checkTimes, journalWrite, type JournalWriteOptions } from './journalWrite.js';
export { Cluster, openCluster, withUsed, type OpenClusterOptions, type OpenedStore } from './openCluster.js';
export { deadlineOf, type ReadOptions, type WriteOptions } from '../wire/index.js';
export { configPartsOf } from './storeConfig.js';
export { whyNotReady } from './readiness.js';
export { processesOf, serveProcesses, type ServedProcesses } from './serveProcesses.js';
export { shareOfProcess } from './shareOfProcess.js';
export { portOf, serveCluster, type ServedCluster } from './serveCluster.js';
export { sampleKey, serverCounts, type ServerCounts } from './serverCounts.js';
export type { CellForm, PageTable, StorePage } from './storePage.js';
export { servedNames, servicesOf, type NamedService } from './servicesOf.js';
export type { HostLeave, StoreHosts } from './storeHosts.js';
export {
  defineStore,
  type OpenedOf,
  type Store,
  type StoreBackup,
  type StoreContext,
  type StoreLike,
  type StoreService,
  type StoresByName,
} from './store.js';
