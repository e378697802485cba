export {
  composeSnowflake,
  isRoostError,
  isSnowflake,
  parseSnowflake,
  RoostError,
  type ErrorCode,
  type IdInput,
  type Priority,
  type Snowflake,
} from '../core/index.js';
export type { Batch, GraphBatch, NodeOptions } from './batch.js';
export type { EdgeColumns, EdgeSource } from './bulkWrite.js';
export type { CallOptions, CloseOptions } from './channel.js';
export type { EdgeInput, EdgeOptions } from './edgeBatch.js';
export type { ContainsOptions, CountOptions, DirectionOptions, Graph } from './graph.js';
export { Injectors, type InjectedJob, type InjectOptions } from './injector.js';
export { parseAddress, type Address } from './address.js';
export { ThriftConnection, type Service } from './thriftConnection.js';
export type { PairSource } from './manyReads.js';
export type { CountOfQueryOptions, EdgePage, IdPage, NodeQuery, PageOptions, SetOptions } from './nodeQuery.js';
export { connect, type ConnectOptions, type Roost } from './roost.js';
export type { HomeOptions, Timelines, TweetPage } from './timelines.js';
export type { NewTweet, ScannedTimeline, TimelineOptions, Tweets } from './tweets.js';
export type { NewUser, Users } from './users.js';
export type { WriteOptions } from './writeOptions.js';
export type {
  Acknowledgment,
  Direction,
  Edge,
  EdgeState,
  Explanation,
  JournalStatus,
  Node,
  NodeLocation,
  Operation,
  StateCounts,
  Tweet,
  TweetFormat,
  TweetIdPage,
  User,
  DroppedWindow,
  WindowInfo,
} from '../wire/index.js';
