import { shardKey, type Change, type ShardId, type Topology } from '../../gizzard/index.js';

/**
 * The changes without removals of things that are absent: they did not exist before, or an earlier change removes
 * them, as when the old tool unwraps a shard with several children.
 */
export function withoutAbsent(topology: Topology, changes: readonly Change[]): Change[] {
  const linkOf = (parent: ShardId, child: ShardId): string => `link ${shardKey(parent)} ${shardKey(child)}`;
  const shardOf = (id: ShardId): string => `shard ${shardKey(id)}`;
  const forwardingOf = (tableId: number, baseId: bigint): string => `forwarding ${tableId} ${baseId}`;
  const { state } = topology;
  const there = new Set([
    ...state.links.map(({ parent, child }) => linkOf(parent, child)),
    ...state.shards.map(({ id }) => shardOf(id)),
    ...state.forwardings.map(({ tableId, baseId }) => forwardingOf(tableId, baseId)),
  ]);
  return changes.filter((change) => {
    switch (change.kind) {
      case 'addLink':
        return there.add(linkOf(change.link.parent, change.link.child));
      case 'removeLink':
        return there.delete(linkOf(change.parent, change.child));
      case 'createShard':
        return there.add(shardOf(change.shard.id));
      case 'deleteShard':
        return there.delete(shardOf(change.id));
      case 'setForwarding':
        return there.add(forwardingOf(change.forwarding.tableId, change.forwarding.baseId));
      case 'removeForwarding':
        return there.delete(forwardingOf(change.tableId, change.baseId));
      default:
        return true;
    }
  });
}
