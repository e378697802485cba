import { RoostError } from '../../core/index.js';
import type { Change } from '../topology/changes.js';
import { shardKey, type ShardId, type TopologyState } from '../topology/types.js';

/**
 * The migration that makes a change, or `moves` for the marks that copies put on their shards. Absent: a manual
 * change.
 */
export type ChangeMaker = number | 'moves' | undefined;

/** Whether a change concerns trees. */
export const touchesTrees = ({ kind }: Change): boolean => reachesShards.has(kind);
const reachesShards: ReadonlySet<Change['kind']> = new Set([
  'createShard',
  'deleteShard',
  'addLink',
  'removeLink',
  'setForwarding',
  'removeForwarding',
  'markBusy',
  'setSchemaVersion',
]);

/**
 * Throws `FailedPrecondition` if a change touches a shard that a migration other than its maker has reserved, or keys
 * that are forwarded to one.
 */
export function refuseReserved(
  state: TopologyState,
  changes: readonly Change[],
  reservations: ReadonlyMap<string, number>,
  maker: ChangeMaker,
): void {
  if (reservations.size === 0 || maker === 'moves') return;
  for (const change of changes) {
    for (const id of shardsTouched(state, change)) {
      const shard = shardKey(id);
      const migration = reservations.get(shard);
      if (migration === undefined || migration === maker) continue;
      throw inMigration(shard, migration);
    }
  }
}

export const inMigration = (shard: string, migration: number): RoostError =>
  new RoostError(
    'FailedPrecondition',
    `shard ${shard} is in migration ${migration}, which alone may change its tree until it has ended: \`roost migrations show ${migration}\``,
    { fields: { shard, migration } },
  );

function shardsTouched(state: TopologyState, change: Change): readonly ShardId[] {
  switch (change.kind) {
    case 'createShard':
      return [change.shard.id];
    case 'deleteShard':
    case 'markBusy':
    case 'setSchemaVersion':
      return [change.id];
    case 'addLink':
      return [change.link.parent, change.link.child];
    case 'removeLink':
      return [change.parent, change.child];
    case 'setForwarding': {
      const { tableId, baseId, shard } = change.forwarding;
      // A new base id takes keys from the tree below it.
      return [shard, ...serving(state, tableId, baseId)];
    }
    case 'removeForwarding':
      // Its keys go to the tree below it.
      return [...serving(state, change.tableId, change.baseId), ...serving(state, change.tableId, change.baseId - 1n)];
    default:
      return [];
  }
}

/** The root that serves a hash, if any. */
function serving(state: TopologyState, tableId: number, hash: bigint): readonly ShardId[] {
  let found: TopologyState['forwardings'][number] | undefined;
  for (const forwarding of state.forwardings) {
    if (
      forwarding.tableId === tableId &&
      forwarding.baseId <= hash &&
      (found === undefined || forwarding.baseId > found.baseId)
    )
      found = forwarding;
  }
  return found === undefined ? [] : [found.shard];
}
