import { evenRanges, parseCount } from '../core/index.js';
import { keyHash, type Change, type ShardId } from '../gizzard/index.js';
import { usersTableId } from './userRows.js';
import { usersShardTypeName } from './usersShardType.js';

/** Ids of users are often handed out in order: hashed, they spread over all shards. */
const hash = 'fnv1a64';
/** Where routing nodes are said to live: they hold nothing. */
const routingHost = 'localhost';

export interface UsersSetup {
  readonly shards: number;
  /** Copies of each shard, on as many hosts. */
  readonly replicas: number;
  /** Database hosts to spread the shards over, in turn. */
  readonly hosts: readonly string[];
}

/** The changes that make the store: shards of equal key ranges, each below a replicating root. Throws `InvalidArgument`. */
export function planUsers({ shards, replicas, hosts }: UsersSetup): Change[] {
  parseCount(shards, 'shards', 1, 10_000);
  parseCount(replicas, 'replicas', 1, hosts.length);
  const bases = evenRanges(0n, keyHash(hash).maxHash + 1n, shards);
  const changes: Change[] = [
    { kind: 'createTable', table: { tableId: usersTableId, name: 'users', service: 'users', hash } },
  ];
  for (let i = 0; i < shards; i++) {
    const tablePrefix = `users_${String(i).padStart(4, '0')}`;
    const root: ShardId = { hostname: routingHost, tablePrefix: `${tablePrefix}_root` };
    changes.push({
      kind: 'createShard',
      shard: { id: root, type: 'replicating', sourceType: '', destinationType: '', busy: 'normal' },
    });
    for (let replica = 0; replica < replicas; replica++) {
      const leaf: ShardId = { hostname: hosts[(i + replica) % hosts.length]!, tablePrefix };
      changes.push({
        kind: 'createShard',
        shard: { id: leaf, type: usersShardTypeName, sourceType: '', destinationType: '', busy: 'normal' },
      });
      changes.push({ kind: 'addLink', link: { parent: root, child: leaf, weight: 1 } });
    }
    changes.push({
      kind: 'setForwarding',
      forwarding: { tableId: usersTableId, baseId: bases[i]!, shard: root },
    });
  }
  return changes;
}
