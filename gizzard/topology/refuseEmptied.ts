import { applyChanges, type Change } from './changes.js';
import { unsound } from './checks.js';
import { Topology } from './topology.js';
import { shardKey } from './types.js';

/**
 * Refuses changes that remove the last shard with data below a forwarding. The topology itself allows it, since
 * Gizzard's tools link shards in steps while writes wait. Throws `FailedPrecondition`.
 */
export function refuseEmptied(before: Topology, changes: readonly Change[]): void {
  if (!changes.some(({ kind }) => kind === 'removeLink' || kind === 'deleteShard')) return;
  const after = new Topology(applyChanges(before.state, changes));
  for (const { tableId, baseId, shard } of after.state.forwardings) {
    if (!after.routeOf(shard).leadsNowhere || !before.hasShard(shard) || before.routeOf(shard).leadsNowhere) continue;
    const key = shardKey(shard);
    throw unsound(`${key} has no shard below it that holds data then, and table ${tableId} forwards ${baseId} to it`, {
      shard: key,
      table: tableId,
      base: baseId,
    });
  }
}
