export { connectRedis, microsOf, redisTrouble, type RedisConnectOptions } from './connect.js';
export { KeySpaces, type SpaceOwner } from './keySpaces.js';
export { LuaScript } from './luaScript.js';
export { redisBackend, redisBackendName } from './redisBackend.js';
export { RedisHost, type RedisHostConfig } from './redisHost.js';
export { Sentinels } from './sentinels.js';
export { results } from './transaction.js';
