export { isRoostError, RoostError, type ErrorCode, type IdInput } from '../core/index.js';
export type { EdgeColumns, EdgeSource } from './bulkWrite.js';
export type { CallOptions } from './channel.js';
export type { EdgeInput, EdgeOptions } from './edgeBatch.js';
export type { CountOptions, Graph } from './graph.js';
export { Injectors, type InjectedJob, type InjectOptions } from './injector.js';
export { parseAddress, type Address } from './address.js';
export { ServiceConnection } from './serviceConnection.js';
export type { NodeQuery, PageOptions, SetOptions } from './nodeQuery.js';
export { connect, type ConnectOptions, type Roost } from './roost.js';
export type { WriteOptions } from './writeOptions.js';
export type {
  AcknowledgementName as Acknowledgement,
  Direction,
  Edge,
  EdgePage,
  EdgeState,
  IdPage,
  JournalStatus,
  NodeLocation,
  Operation,
  PriorityName as Priority,
  StateCounts,
} from '../rpc/wire/index.js';
