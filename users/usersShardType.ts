import { inParts, type Movable, type MovableTable, type ShardType } from '../gizzard/index.js';
import { type DatabaseHost, movableTables } from '../mysql/index.js';
import { mergeUsers, sameUser, type UserRecord } from './user.js';
import { applyUsers, recordOf, removeUsers, rowOf, type UserTables } from './userTable.js';

export const usersShardTypeName = 'users';

export const usersShardType = (
  tables: UserTables,
  moving: (movable: Movable<DatabaseHost>) => Movable = (movable) => movable,
): ShardType<DatabaseHost> => ({
  name: usersShardTypeName,
  moving: moving(movableTables(tables.database, [usersMoves(tables)])),
  create: (host, shard, deadline) => tables.create(host, shard, deadline),
});

/** Copies, compares and repairs users page by page, in the order of their ids. */
const usersMoves = (tables: UserTables): MovableTable<UserRecord, DatabaseHost> => ({
  ...tables.pages(recordOf),
  key: ({ id }) => String(id),
  routingKey: ({ id }) => id,
  same: sameUser,
  lacks: (row, other) => mergeUsers(row, other) !== row,
  write: (host, shard, rows, deadline) => inParts(rows, (part) => applyUsers(host, tables.at(shard), part, deadline)),
  remove: (host, shard, rows, deadline) => removeUsers(host, tables.at(shard), rows, deadline),
  saved: tables.definition.saved(rowOf, recordOf),
  describe: ({ id, name, screenName, flags, exists }) => ({
    id: String(id),
    ...Object.fromEntries(
      Object.entries({ name, screenName, flags, exists }).map(([field, { value, at }]) => [field, `${value} at ${at}`]),
    ),
  }),
});
