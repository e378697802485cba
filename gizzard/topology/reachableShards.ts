import type { Topology } from './topology.js';
import { shardKey } from './types.js';

/** The keys of shards that a forwarding leads to, inner nodes and leaves. */
export function reachableShards(topology: Topology): ReadonlySet<string> {
  const found = new Set<string>();
  const waiting = topology.state.forwardings.map((forwarding) => forwarding.shard);
  for (const id of waiting) {
    if (found.has(shardKey(id))) continue;
    found.add(shardKey(id));
    waiting.push(...topology.children(id).map((link) => link.child));
  }
  return found;
}
