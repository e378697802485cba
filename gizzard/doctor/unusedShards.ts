import type { Change } from '../topology/changes.js';
import { reachableShards } from '../topology/reachableShards.js';
import { shardKey } from '../topology/types.js';
import type { Check } from './check.js';

/** Shards that no forwarding leads to. */
export const unusedShards: Check = {
  name: 'unused shards',
  examine({ topology, reserved }) {
    const used = reachableShards(topology);
    const unused = topology.state.shards.filter(
      (shard) => !used.has(shardKey(shard.id)) && !reserved.has(shardKey(shard.id)),
    );
    return unused.map((shard) => {
      const around = [...topology.parents(shard.id), ...topology.children(shard.id)];
      const changes: Change[] = [
        ...around.map(({ parent, child }): Change => ({ kind: 'removeLink', parent, child })),
        { kind: 'deleteShard', id: shard.id },
      ];
      return {
        kind: 'unusedShard',
        subject: shardKey(shard.id),
        message: `nothing forwards to shard ${shardKey(shard.id)} (${shard.type})`,
        remedy: { kind: 'change', changes },
      };
    });
  },
};
