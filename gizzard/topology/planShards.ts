import { evenRanges, parseCount } from '../../core/index.js';
import { keyHash } from '../hashes/index.js';
import type { Change } from './changes.js';
import type { Attributes, ShardId, TableInfo } from './types.js';

/** The host name of routing nodes, which hold nothing. */
const routingHost = 'localhost';

export interface ShardsPlan {
  readonly table: TableInfo;
  /** The type of its leaves. */
  readonly shardType: string;
  /** The prefix of its shards' names, before a number. */
  readonly prefix: string;
  readonly shards: number;
  /** Replicas of each shard, on as many hosts. */
  readonly replicas: number;
  /** Hosts that the shards are spread over in turn. */
  readonly hosts: readonly string[];
  /** Attributes of its leaves. Absent: their type's defaults. */
  readonly attributes?: Attributes;
  /** Keys below this hash; absent: all that the table's hash gives. */
  readonly endHash?: bigint;
}

/**
 * The changes that create a table: shards of equal hash ranges, each below a replicating root. Throws
 * `InvalidArgument`.
 */
export function planShards(plan: ShardsPlan): Change[] {
  const { table, shardType, prefix, shards, replicas, hosts, endHash, attributes } = plan;
  parseCount(shards, 'shards', 1, 10_000);
  parseCount(replicas, 'replicas', 1, hosts.length);
  const changes: Change[] = [{ kind: 'createTable', table }];
  const node = (id: ShardId, type: string, attributes: Attributes = {}): void => {
    changes.push({ kind: 'createShard', shard: { id, type, attributes, busy: 'normal' } });
  };
  for (const [i, baseId] of evenRanges(0n, endHash ?? keyHash(table.hash).maxHash + 1n, shards).entries()) {
    const tablePrefix = `${prefix}_${String(i).padStart(4, '0')}`;
    const root: ShardId = { hostname: routingHost, tablePrefix: `${tablePrefix}_root` };
    node(root, 'replicating');
    for (let replica = 0; replica < replicas; replica++) {
      const leaf: ShardId = { hostname: hosts[(i + replica) % hosts.length]!, tablePrefix };
      node(leaf, shardType, attributes);
      changes.push({ kind: 'addLink', link: { parent: root, child: leaf, weight: 1 } });
    }
    changes.push({ kind: 'setForwarding', forwarding: { tableId: table.tableId, baseId, shard: root } });
  }
  return changes;
}
