import { inParts, type Movable, type MovableTable, type ShardType } from '../gizzard/index.js';
import { type DatabaseHost, movableTables, tableById } from '../mysql/index.js';
import { mergeUsers, sameUser, type UserRecord } from './user.js';
import { applyUsers, recordOf, removeUsers, userColumns, userTable } from './userTable.js';

export const usersShardTypeName = 'users';

export const usersShardType = (
  database: string,
  moving: (movable: Movable<DatabaseHost>) => Movable = (movable) => movable,
): ShardType<DatabaseHost> => ({
  name: usersShardTypeName,
  moving: moving(movableTables(database, [usersMoves(database)])),
  async create(host, shard, deadline) {
    await host.run(`CREATE DATABASE IF NOT EXISTS \`${database}\``, [], deadline);
    await host.run(
      `CREATE TABLE IF NOT EXISTS ${userTable(database, shard)} (
        id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
        name VARCHAR(50) NOT NULL,
        name_at BIGINT NOT NULL,
        screen_name VARCHAR(20) NOT NULL,
        screen_name_at BIGINT NOT NULL,
        flags INT UNSIGNED NOT NULL,
        flags_at BIGINT NOT NULL,
        present TINYINT UNSIGNED NOT NULL,
        present_at BIGINT NOT NULL
      ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      [],
      deadline,
    );
  },
});

/** How users are copied, compared and repaired: page by page in the order of their ids. */
const usersMoves = (database: string): MovableTable<UserRecord, DatabaseHost> => ({
  ...tableById(database, 'users', userColumns, recordOf),
  key: ({ id }) => String(id),
  routingKey: ({ id }) => id,
  same: sameUser,
  lacks: (row, other) => mergeUsers(row, other) !== row,
  write: (host, shard, rows, deadline) =>
    inParts(rows, (part) => applyUsers(host, userTable(database, shard), part, deadline)),
  remove: (host, shard, rows, deadline) => removeUsers(host, userTable(database, shard), rows, deadline),
  describe: ({ id, name, screenName, flags, exists }) => ({
    id: String(id),
    ...Object.fromEntries(
      Object.entries({ name, screenName, flags, exists }).map(([field, { value, at }]) => [field, `${value} at ${at}`]),
    ),
  }),
});
