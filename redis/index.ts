export { connectRedis, microsOf, redisTrouble, type ConnectOptions } from './connect.js';
export { LuaScript } from './luaScript.js';
export { results } from './transaction.js';
