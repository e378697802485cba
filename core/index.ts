export { atMost } from './atMost.js';
export { BackgroundLoop, type LoopOptions } from './backgroundLoop.js';
export { Cancellation } from './cancellation.js';
export { HybridClock, systemMicros, type Micros } from './clock.js';
export {
  configSchema,
  type CacheConfig,
  type DatabaseHostConfig,
  type JobsConfig,
  type PoolConfig,
  type RedisConfig,
  type RoostConfig,
  type RoostConfigInput,
} from './config.js';
export { otherVariables, withoutOverrides, type ConfigOverride } from './configEnvironment.js';
export { cutText } from './cutText.js';
export { Deadline, deadlineExceeded } from './deadline.js';
export {
  errorCodes,
  isRoostError,
  RoostError,
  type ErrorCode,
  type ErrorFields,
  type RoostErrorOptions,
  type WireError,
} from './errors.js';
export { Health } from './health.js';
export { maxId, maxInt64, minInt64, packIds, parseCount, parseId, parseInt64, unpackIds, type IdInput } from './ids.js';
export { JournalClock } from './journalClock.js';
export { limits } from './limits.js';
export { configPlaces, loadConfig, type LoadConfigOptions, type LoadedConfig } from './loadConfig.js';
export { createLog, silentLog, type Log } from './log.js';
export { Metrics } from './metrics.js';
export { priorities, type Priority } from './priority.js';
export {
  composeSnowflake,
  firstIdAt,
  firstSnowflakeId,
  isSnowflake,
  parseSnowflake,
  snowflakeEpochMs,
  snowflakesPerMs,
  snowflakeTimeMs,
  snowflakeWorkers,
  type Snowflake,
} from './snowflake.js';
export { suggest } from './suggest.js';
export { writeIdentityBytes, type WriteIdentity } from './writeIdentity.js';
export { writeSoon } from './writeSoon.js';
