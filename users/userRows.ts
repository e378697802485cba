import { groupBy } from '../core/index.js';
import { RowCache, type Caches } from '../cache/index.js';
import type { Gizzard } from '../gizzard/index.js';
import type { DatabaseHost } from '../mysql/index.js';
import { mergeUsers, type UserRecord } from './user.js';
import { decodeUsers, encodeUser } from './userBytes.js';
import { readUsers, usersTable } from './userTable.js';

/** The number of the users' table in the topology. */
export const usersTableId = 1_600_000_000;

export type UserRows = RowCache<bigint, UserRecord>;

/** The row cache in front of the users' shards. */
export function userRows({ main, config, firstLevel }: Caches, gizzard: Gizzard): UserRows {
  const tables = usersTable.in(gizzard.database);
  return new RowCache<bigint, UserRecord>(main, {
    name: 'users',
    codec: {
      format: 2,
      encode: encodeUser,
      decode: (body, front) => (front.length > 0 ? undefined : decodeUsers(body)[0]),
    },
    merge: mergeUsers,
    ttlSeconds: config.ttlSeconds,
    absentTtlSeconds: config.absentTtlSeconds,
    ...firstLevel,
    load: async (ids, deadline) => {
      const { topology } = gizzard;
      const byRoute = groupBy(ids, (id) => topology.route(usersTableId, id));
      const parts = await Promise.all(
        Array.from(byRoute, ([route, part]) =>
          gizzard.read(route, deadline, (host: DatabaseHost, leaf, left) =>
            readUsers(host, tables.at(leaf.shard), part, left),
          ),
        ),
      );
      return new Map(parts.flatMap((part) => [...part]));
    },
  });
}
