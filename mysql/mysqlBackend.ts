import type { Deadline } from '../core/index.js';
import type { DatabaseHost } from './databaseHost.js';
import type { DatabaseHosts } from './databaseHosts.js';
import { droppedTablesList } from './droppedTables.js';
import { checkDatabaseHost, databaseHostProblems } from './hostCheck.js';
import type { ShardDatabase } from './shardDatabase.js';
import { namesData } from './sqlErrors.js';

/** The name of this backend. */
export const mysqlBackendName = 'mysql';

/** MySQL and MariaDB as a backend of Gizzard: database hosts, and shards that are tables of one database. */
export const mysqlBackend = (hosts: DatabaseHosts, database: ShardDatabase, poolSize: number) => ({
  name: mysqlBackendName,
  names: hosts.names,
  host: (name: string) => hosts.host(name),
  dropped: droppedTablesList(database),
  namesData,
  problems: (host: DatabaseHost, makesShards: boolean, deadline: Deadline) =>
    databaseHostProblems(host, database, makesShards, deadline),
  check: (host: DatabaseHost, servers: number) => checkDatabaseHost(host, database, poolSize, servers),
  close: () => hosts.close(),
});
