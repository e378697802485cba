export {
  composeSnowflake,
  isRoostError,
  isSnowflake,
  parseSnowflake,
  RoostError,
  type Address,
  type ErrorCode,
  type IdInput,
  type OpenTelemetry,
  type Priority,
  type Snowflake,
} from '../core/index.js';
export type { Batch, GraphBatch, NodeOptions } from './batch.js';
export type { EdgeColumns, EdgeSource } from './bulkWrite.js';
export type { CallOptions, CloseOptions } from './channel.js';
export type { EdgeInput, EdgeOptions } from './edgeBatch.js';
export type { ContainsOptions, CountOptions, DirectionOptions, Graph } from './graph.js';
export { Injectors, type InjectedJob, type InjectOptions } from './injector.js';
export { parseAddress, type ServerAddress, type TlsOptions } from './address.js';
export { tokenFor, tokenIn } from './token.js';
export { ThriftConnection, type Service } from './thriftConnection.js';
export type { PairSource } from './manyReads.js';
export type { CountOfQueryOptions, NodeEdgePage, NodeIdPage, NodeQuery, PageOptions, SetOptions } from './nodeQuery.js';
export { graphsService } from './graph.js';
export { connect, type ConnectOptions, type Roost } from './roost.js';
export { services, type StoreClients, type StoreServers } from './services.js';
export type { HomeOptions, ShownActivityPage, TimelinesClient, TweetPage } from './timelinesClient.js';
export type { NewTweet, TimelineOptions, TweetsClient } from './tweetsClient.js';
export type { NewUser, UsersClient } from './usersClient.js';
export type { WriteCallOptions } from './writeCallOptions.js';
export type {
  Acknowledgment,
  Activity,
  ActivityKind,
  ActivityPage,
  Direction,
  Edge,
  EdgeState,
  Explanation,
  JournalStatus,
  Node,
  NodeLocation,
  Operation,
  ScannedTimeline,
  StateCounts,
  Tweet,
  TweetCounts,
  TweetFormat,
  TimelineReads,
  TweetIdPage,
  User,
  DroppedWindow,
  WindowInfo,
} from '../wire/index.js';
