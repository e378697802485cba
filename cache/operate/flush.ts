import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError } from '../../core/index.js';
import type { Caches } from '../caches.js';
import { viewLeaseMs, type CachePool } from '../ring/cachePool.js';
import { serves } from '../ring/nodeState.js';

/** `flushNodes` for all nodes of all pools. */
export async function flushCaches({ main, pages }: Caches): Promise<readonly string[]> {
  const pools = [main, pages].filter((pool) => pool !== undefined);
  return (await Promise.all(pools.map((pool) => flushNodes(pool)))).flat();
}

/**
 * Makes every entry of some nodes unreachable for all processes, and resolves when that is so. Absent nodes: all that
 * are in. memcached reuses the memory over time. Throws `InvalidArgument` for an unknown node, and `Unavailable`.
 */
export async function flushNodes(pool: CachePool, nodes?: readonly string[]): Promise<readonly string[]> {
  await pool.look();
  const unknown = nodes?.find((node) => !pool.nodes.has(node));
  if (unknown !== undefined)
    throw new RoostError(
      'InvalidArgument',
      `there is no cache node ${unknown}; there are ${[...pool.nodes.keys()].join(', ')}`,
      { fields: { node: unknown } },
    );
  const flushed: string[] = [];
  for (const [node, state] of pool.nodes) {
    if (nodes?.includes(node) === false || !serves(state)) continue;
    // A new epoch. A node that was warming has nothing left to take over.
    if (await pool.register.change(node, state, { state: 'in', weight: state.weight })) flushed.push(node);
  }
  await pool.look();
  if (flushed.length > 0) await sleep(viewLeaseMs);
  return flushed;
}
