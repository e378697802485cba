import { shardKey, type ShardId } from './types.js';
import type { Topology } from './topology.js';

const known = new WeakMap<Topology, ReadonlyMap<string, ReadonlySet<number>>>();

/** The tables whose readers a leaf may answer; none for one that serves no reads. */
export function tablesRead(topology: Topology, leaf: ShardId): ReadonlySet<number> {
  let byLeaf = known.get(topology);
  if (byLeaf === undefined) known.set(topology, (byLeaf = everyLeaf(topology)));
  return byLeaf.get(shardKey(leaf)) ?? new Set();
}

function everyLeaf(topology: Topology): ReadonlyMap<string, ReadonlySet<number>> {
  const byLeaf = new Map<string, Set<number>>();
  for (const { tableId } of topology.tables) {
    for (const { leaves } of topology.routes(tableId)) {
      for (const { key, read } of leaves) {
        if (read !== 'allow') continue;
        const tables = byLeaf.get(key);
        if (tables === undefined) byLeaf.set(key, new Set([tableId]));
        else tables.add(tableId);
      }
    }
  }
  return byLeaf;
}
