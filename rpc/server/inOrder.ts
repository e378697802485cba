import type { HybridClock } from '../../core/index.js';
import type { EdgeWrites, NodeWrite, WriteBatch } from '../../flock/index.js';
import type { OrderedWrite } from '../wire/index.js';

/**
 * A batch for the graph, which knows no order between edges and mass operations: where both occur, those that bring no time get
 * one each, in order, so that "remove all, then add" leaves what was added.
 */
export function inOrder(writes: readonly OrderedWrite[], clock: HybridClock): WriteBatch {
  const edges: EdgeWrites[] = [];
  const nodes: NodeWrite[] = [];
  for (const write of writes) {
    if ('edges' in write) edges.push(write.edges);
    else nodes.push(write.node);
  }
  if (edges.length === 0 || nodes.length === 0) return { edges, nodes };
  edges.length = nodes.length = 0;
  for (const write of writes) {
    if ('edges' in write) edges.push(write.edges.times === undefined ? { ...write.edges, times: timesFrom(clock, write.edges.sourceIds.length) } : write.edges);
    else nodes.push({ ...write.node, time: write.node.time ?? clock.now() });
  }
  return { edges, nodes };
}

function timesFrom(clock: HybridClock, count: number): BigInt64Array {
  if (count === 0) return new BigInt64Array(0);
  const first = clock.reserve(count);
  return BigInt64Array.from({ length: count }, (_, i) => first + BigInt(i));
}
