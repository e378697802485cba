import { isRoostError } from '../../core/index.js';
import type { CachePool } from '../ring/cachePool.js';
import type { NodeState } from '../ring/nodeState.js';
import { askInText } from '../ring/textConnection.js';

/** A node in the register, with its own statistics. */
export interface NodeStats extends NodeState {
  readonly node: string;
  /** Undefined if the node does not answer. */
  readonly memcached:
    | {
        readonly items: number;
        readonly bytes: number;
        readonly maxBytes: number;
        readonly gets: number;
        readonly hits: number;
        readonly evictions: number;
        readonly uptimeSeconds: number;
      }
    | undefined;
}

/** All nodes of a pool. Throws `Unavailable` if the register cannot be read. */
export async function poolStats(pool: CachePool): Promise<NodeStats[]> {
  await pool.look();
  return Promise.all(
    Array.from(pool.nodes, async ([node, state]) => ({ node, ...state, memcached: await nodeStats(node) })),
  );
}

async function nodeStats(node: string): Promise<NodeStats['memcached']> {
  const stats = new Map<string, number>();
  try {
    for await (const line of askInText(node, 'stats', 1_000)) {
      const [, name, value] = /^STAT (\S+) (\S+)/.exec(line) ?? [];
      if (name !== undefined) stats.set(name, Number(value));
    }
  } catch (error) {
    if (isRoostError(error, 'Unavailable')) return undefined;
    throw error;
  }
  const of = (name: string): number => stats.get(name) ?? 0;
  return {
    items: of('curr_items'),
    bytes: of('bytes'),
    maxBytes: of('limit_maxbytes'),
    gets: of('cmd_get'),
    hits: of('get_hits'),
    evictions: of('evictions'),
    uptimeSeconds: of('uptime'),
  };
}
