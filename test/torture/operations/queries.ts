import type { Load } from '../load.js';
import { queryOf, type IdSet } from '../sets.js';
import { followsOf } from './edges.js';
import type { Operation } from './operation.js';

function drawSet(load: Load, direction: 'from' | 'to', nodes: readonly bigint[], depth: number): IdSet {
  if (depth === 0) return { kind: direction, node: load.one(nodes) };
  const [left, right] = [depth - 1, load.random(depth)].map((one) => drawSet(load, direction, nodes, one));
  return { kind: load.one(['intersect', 'union', 'difference'] as const), left: left!, right: right! };
}

/**
 * Reads sets of the nodes that other nodes lead to, or are led to by: alone, combined, and combined from combined
 * sets. Their pages go by id, so that an edge that moves meanwhile is neither missed nor seen twice.
 */
export const queries: Operation = {
  weight: 12,
  async step(load, client) {
    const { sources, destinations } = load.ids;
    const direction = load.one(['from', 'to'] as const);
    const [nodes, among] = direction === 'from' ? [sources(), destinations()] : [destinations(), sources()];
    const set = drawSet(load, direction, nodes, load.random(3));
    // A set of one node goes by position, so it is read in one page.
    const count = 'node' in set ? 100 : 1 + load.random(3);
    const [ids, asked] = await load.ask(client, async () => {
      const query = queryOf(await followsOf(client), set);
      const found: bigint[] = [];
      for (let cursor = -1n; cursor !== 0n;) {
        const page = await query.page({ count, cursor });
        found.push(...page.ids);
        cursor = page.nextCursor;
      }
      return found;
    });
    load.history.setReads.push({ set, ids, among, ...asked });
  },
};
