export { DatabaseHost, type SqlResult, type SqlRow, type SqlSession, type SqlValue } from './databaseHost.js';
export { DatabaseHosts, unknownHostText } from './databaseHosts.js';
export { hostClockMs, readHostClock } from './hostClock.js';
export { namesData } from './sqlErrors.js';
