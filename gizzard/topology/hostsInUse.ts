import { nodeType } from '../nodes/index.js';
import { reachableShards } from './reachableShards.js';
import type { Topology } from './topology.js';
import { shardKey } from './types.js';

const known = new WeakMap<Topology, readonly string[]>();

/** Database hosts with leaves that a forwarding leads to, by name. Computed once for each topology. */
export function hostsInUse(topology: Topology): readonly string[] {
  let names = known.get(topology);
  if (names === undefined) {
    const used = reachableShards(topology);
    names = [
      ...new Set(
        topology.state.shards.flatMap(({ id, type }) =>
          nodeType(type) === undefined && used.has(shardKey(id)) ? [id.hostname] : [],
        ),
      ),
    ].sort();
    known.set(topology, names);
  }
  return names;
}
