export { DatabaseHost, type SqlResult, type SqlRow, type SqlSession, type SqlValue } from './databaseHost.js';
export { DatabaseHosts } from './databaseHosts.js';
export { hostClockMs, readHostClock } from './hostClock.js';
export { grantText } from './hostCheck.js';
export { movableTables, shardTable, type TableShard } from './movableTables.js';
export { mysqlBackend, mysqlBackendName } from './mysqlBackend.js';
export { digestColumns, digestOf } from './rowsDigest.js';
export { idsBetween, tableById } from './tableById.js';
