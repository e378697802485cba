export {
  configSchema,
  redisSchema,
  type CacheConfig,
  type DatabaseHostConfig,
  type JobsConfig,
  type PoolConfig,
  type RedisConfig,
  type RoostConfig,
  type RoostConfigInput,
} from './config.js';
export { otherVariables, withoutOverrides, type ConfigOverride } from './configEnvironment.js';
export {
  configPart,
  ConfigPart,
  type ConfigInput,
  type ConfigKeys,
  type ConfigProblem,
  type ConfigValues,
} from './configPart.js';
export { configSchemaWith } from './configSchemaWith.js';
export { configPlaces, loadConfig, type LoadConfigOptions, type LoadedConfig } from './loadConfig.js';
export { createLog, silentLog, type Log } from './log.js';
export { type AcrossProcesses, Metrics, type MetricSample } from './metrics.js';
export { registeredOpenTelemetry } from './registeredOpenTelemetry.js';
export { passwordOf, type Secret } from './secret.js';
export { mayConnect, type OwnTlsConfig, type TlsConfig } from './tlsConfig.js';
export { ServerTls } from './serverTls.js';
export { tlsOf } from './tlsOf.js';
export { suggest } from './suggest.js';
