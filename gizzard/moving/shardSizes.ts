import { Deadline, groupBy, RoostError } from '../../core/index.js';
import type { Hosts } from '../hosts.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import type { Movable, ShardSize } from './movable.js';

const deadlineMs = 10_000;

/**
 * The sizes of leaves by `shardKey`. Leaves on silent hosts and without tables are absent. Each host is asked once
 * for each type.
 */
export async function shardSizes(
  hosts: Pick<Hosts, 'host'>,
  shards: readonly ShardInfo[],
  movableType: (type: string) => Movable,
): Promise<ReadonlyMap<string, ShardSize>> {
  const sizes = new Map<string, ShardSize>();
  const together = groupBy(shards, ({ id, type }) => `${id.hostname} ${type}`);
  await Promise.all(
    Array.from(together.values(), async (some) => {
      const [{ id, type }] = some as readonly ShardInfo[] as readonly [ShardInfo];
      const movable = movableType(type);
      try {
        const stored = await movable.stored(hosts.host(id.hostname), Deadline.after(deadlineMs));
        for (const shard of some) {
          const size = stored.get(shard.id.tablePrefix);
          if (size !== undefined) sizes.set(shardKey(shard.id), size);
        }
      } catch (error) {
        if (!(error instanceof RoostError && error.retryable)) throw error;
      }
    }),
  );
  return sizes;
}
