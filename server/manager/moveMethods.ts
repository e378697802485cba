import { shardKey, type Gizzard, type ShardId } from '../../gizzard/index.js';
import { required } from '../../wire/index.js';
import type { ManagerModule, ManagerTypes } from '../../wire/manager/index.js';
import { shardIdFromThrift } from './managerStructs.js';

export type MoveMethods = Pick<ManagerModule.Client, 'copy_shard' | 'repair_shard' | 'diff_shards'>;

/** Moves searched for one that has a given shard. */
const activeMoves = 1_000;

/**
 * Copies, repairs and diffs. They are queued, and run by any server. A copy brings all of its shards to the newest
 * state of any of them, as Gizzard's did.
 */
export function moveMethods({ moves, nameServer }: Gizzard, by: string): MoveMethods {
  const request = async (kind: 'merge' | 'repair' | 'diff', ids: readonly ManagerTypes.ShardId[]): Promise<void> => {
    const byKey = new Map(
      required(ids, 'shard_ids').map((id) => [shardKey(shardIdFromThrift(id)), shardIdFromThrift(id)]),
    );
    const shards = [...byKey.values()];
    if (kind !== 'diff') await freeOfMarks(shards);
    // The old tool repairs every tree of a table, including those with one replica.
    if (kind === 'merge' && shards.length === 1) return;
    await moves.request(kind, shards);
  };

  /** The old tool marks shards as busy before it requests their copy; such marks have no move behind them. */
  const freeOfMarks = async (shards: readonly ShardId[]): Promise<void> => {
    await nameServer.reload();
    const moved = new Set(
      (await moves.store.list({ active: true, limit: activeMoves })).flatMap(({ sources, targets }) =>
        [...sources, ...targets].map(({ id }) => shardKey(id)),
      ),
    );
    const marked = shards.filter((id) => nameServer.topology.shard(id).busy === 'busy' && !moved.has(shardKey(id)));
    if (marked.length > 0)
      await nameServer.apply(
        marked.map((id) => ({ kind: 'markBusy', id, busy: 'normal' })),
        by,
      );
  };

  return {
    async copy_shard(ids) {
      await request('merge', ids);
    },
    async repair_shard(ids) {
      await request('repair', ids);
    },
    async diff_shards(ids) {
      await request('diff', ids);
    },
  };
}
