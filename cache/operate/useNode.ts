import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError } from '../../core/index.js';
import { viewLeaseMs, type CachePool } from '../ring/cachePool.js';
import { serves } from '../ring/nodeState.js';

/**
 * Takes a node out of use until `undrainNode`, whether or not it answers or is configured. Its keys move to the other
 * nodes, which load what they lack. Resolves when no process uses the node any more, with whether it was in use.
 * Throws `InvalidArgument` for an unknown node, `FailedPrecondition` for the last one that holds keys, `Conflict` if
 * its state changed meanwhile, and `Unavailable`.
 */
export async function drainNode(pool: CachePool, node: string): Promise<boolean> {
  const { state, weight } = await lookUp(pool, node);
  if (state === 'gone') return false;
  const others = [...pool.nodes].filter(([name, other]) => name !== node && other.weight > 0 && serves(other));
  if (weight > 0 && others.length === 0) {
    throw new RoostError(
      'FailedPrecondition',
      `cache node ${node} is the last one that holds keys: to do without caches, name no nodes in the configuration`,
      { fields: { node } },
    );
  }
  await change(pool, node, 'gone');
  return true;
}

/**
 * Uses a node again, starting empty. Resolves when every process does, with whether it was out of use. Throws as
 * `drainNode`.
 */
export async function undrainNode(pool: CachePool, node: string): Promise<boolean> {
  const { state } = await lookUp(pool, node);
  if (state !== 'gone') return false;
  await change(pool, node, 'in');
  return true;
}

async function lookUp(pool: CachePool, node: string) {
  await pool.look();
  const known = pool.nodes.get(node);
  if (known === undefined)
    throw new RoostError(
      'InvalidArgument',
      `there is no cache node ${node}; there are ${[...pool.nodes.keys()].join(', ')}`,
      { fields: { node } },
    );
  return known;
}

async function change(pool: CachePool, node: string, state: 'gone' | 'in'): Promise<void> {
  const seen = pool.nodes.get(node)!;
  // A new epoch: its old entries are never found again.
  if (!(await pool.register.change(node, seen, { state, weight: seen.weight }))) {
    throw new RoostError(
      'Conflict',
      `cache node ${node} was ${seen.state} a moment ago, and is something else now: try again`,
      { fields: { node } },
    );
  }
  await pool.look();
  await sleep(viewLeaseMs);
}
