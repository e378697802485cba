import { cachedKind, defineStore, openCluster, type OpenClusterOptions, type Store } from '../cluster/index.js';
import type { Caches } from '../cache/index.js';
import { limits, parseId } from '../core/index.js';
import type { RoostConfig } from '../process/index.js';
import { toldOfWrites } from '../gizzard/index.js';
import { userJob } from './userJob.js';
import { userRows } from './userRows.js';
import { Users } from './users.js';
import { usersProcessor } from './usersProcessor.js';
import { usersRoles } from './usersRoles.js';
import { usersTable } from './userTable.js';
import { usersShardType } from './usersShardType.js';

/** Users by id, as a store. */
export const usersStore: Store<'users', Users, readonly []> = defineStore({
  name: 'users',
  open: ({ gizzard, caches }) => new Users(gizzard, userRows(caches, gizzard)),
  shardTypes: ({ rows }, { gizzard }) => [
    usersShardType(usersTable.in(gizzard.database), (movable) =>
      toldOfWrites(
        movable,
        () => gizzard.topology,
        ({ keys }) => rows.invalidate(keys.map(BigInt)),
      ),
    ),
  ],
  jobTypes: ({ rows }, { gizzard }) => [userJob(usersTable.in(gizzard.database), rows, gizzard)],
  service: {
    title: 'users',
    port: 7918,
    requestBytes: limits.usersRequestBytes,
    processor: usersProcessor,
    roles: usersRoles,
  },
  cached: {
    names: ['users'],
    of: ({ rows }) => (rows.store === undefined ? [] : [cachedKind('users', rows, { parseKey: parseId })]),
  },
});

/** The users of a cluster that was opened for them alone. */
export interface OpenUsers extends Users {
  readonly caches: Caches;
  close(): Promise<void>;
}

/** Opens a cluster with this store alone, and with its cache nodes. `close` closes the cluster. */
export async function openUsers(
  config: RoostConfig,
  { caches = true, ...options }: OpenClusterOptions = {},
): Promise<OpenUsers> {
  const cluster = await openCluster(config, [usersStore], { caches, ...options });
  return Object.assign(cluster.stores.users, { caches: cluster.caches, close: () => cluster.close() });
}
