import { planShards, type Change, type ShardsPlan } from '../gizzard/index.js';
import { usersTableId } from './userRows.js';
import { usersShardTypeName } from './usersShardType.js';

/** The number of shards and replicas, and the hosts to spread them over. */
export type UsersSetup = Pick<ShardsPlan, 'shards' | 'replicas' | 'hosts'>;

/** The topology changes that create the store. Throws `InvalidArgument`. */
export const planUsers = (setup: UsersSetup): Change[] =>
  planShards({
    ...setup,
    // User ids are often sequential; hashed, they spread over all shards.
    table: { tableId: usersTableId, name: 'users', service: 'users', hash: 'fnv1a64' },
    shardType: usersShardTypeName,
    prefix: 'users',
  });
