import { shardKey } from '../topology/types.js';
import type { Check } from './check.js';

/** Shards marked busy while no move works with them. */
export const busyShards: Check = {
  name: 'busy shards',
  examine({ topology, openMoves }) {
    const moving = new Set(
      openMoves.flatMap(({ sources, targets }) => [...sources, ...targets].map((shard) => shardKey(shard.id))),
    );
    return topology.state.shards
      .filter((shard) => shard.busy !== 'normal' && !moving.has(shardKey(shard.id)))
      .map((shard) => ({
        kind: 'busyWithoutMove',
        subject: shardKey(shard.id),
        message: `shard ${shardKey(shard.id)} is marked ${shard.busy}, and nothing is being copied from or to it`,
        remedy: { kind: 'change', changes: [{ kind: 'markBusy', id: shard.id, busy: 'normal' }] },
      }));
  },
};
