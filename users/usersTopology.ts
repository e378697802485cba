import { planShards, type Change, type ShardsPlan } from '../gizzard/index.js';
import { usersTableId } from './userRows.js';
import { usersShardTypeName } from './usersShardType.js';

/** Shards, copies of each of them, and the database hosts to spread them over. */
export type UsersSetup = Pick<ShardsPlan, 'shards' | 'replicas' | 'hosts'>;

/** The changes that make the store. Throws `InvalidArgument`. */
export const planUsers = (setup: UsersSetup): Change[] =>
  planShards({
    ...setup,
    // Ids of users are often handed out in order: hashed, they spread over all shards.
    table: { tableId: usersTableId, name: 'users', service: 'users', hash: 'fnv1a64' },
    shardType: usersShardTypeName,
    prefix: 'users',
  });
