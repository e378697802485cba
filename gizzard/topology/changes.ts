import { RoostError } from '../../core/index.js';
import { shardKey, type Forwarding, type HostWeight, type Link, type ShardId, type ShardInfo, type TableInfo, type TopologyState } from './types.js';

/** One step of a change to the topology. */
export type Change =
  | { readonly kind: 'createTable'; readonly table: TableInfo }
  | { readonly kind: 'removeTable'; readonly tableId: number }
  | { readonly kind: 'createShard'; readonly shard: ShardInfo }
  | { readonly kind: 'deleteShard'; readonly id: ShardId }
  | { readonly kind: 'addLink'; readonly link: Link }
  | { readonly kind: 'removeLink'; readonly parent: ShardId; readonly child: ShardId }
  | { readonly kind: 'setForwarding'; readonly forwarding: Forwarding }
  | { readonly kind: 'removeForwarding'; readonly tableId: number; readonly baseId: bigint }
  | { readonly kind: 'setHostWeight'; readonly weight: HostWeight }
  | { readonly kind: 'markBusy'; readonly id: ShardId; readonly busy: ShardInfo['busy'] };

/**
 * The state after some changes, with the next version. Creating what exists and is the same changes nothing, so that a change may be repeated;
 * creating it differently throws `AlreadyExists`, and removing or marking what is not there `NotFound`.
 */
export function applyChanges(state: TopologyState, changes: readonly Change[]): TopologyState {
  const tables = new Map(state.tables.map((table) => [table.tableId, table]));
  const shards = new Map(state.shards.map((shard) => [shardKey(shard.id), shard]));
  const links = new Map(state.links.map((link) => [linkKey(link.parent, link.child), link]));
  const forwardings = new Map(state.forwardings.map((forwarding) => [forwardingKey(forwarding), forwarding]));
  const hostWeights = new Map(state.hostWeights.map((weight) => [weight.hostname, weight]));

  const remove = <V>(map: Map<string, V> | Map<number, V>, key: string | number, what: string): void => {
    if (!(map as Map<string | number, V>).delete(key)) throw new RoostError('NotFound', `there is no ${what}`);
  };

  for (const change of changes) {
    switch (change.kind) {
      case 'createTable': {
        const known = tables.get(change.table.tableId);
        if (known !== undefined && (known.name !== change.table.name || known.service !== change.table.service || known.hash !== change.table.hash)) {
          throw new RoostError('AlreadyExists', `table ${known.tableId} exists as ${known.name} of ${known.service}, hashed by ${known.hash}`, { fields: { table: known.tableId } });
        }
        tables.set(change.table.tableId, change.table);
        break;
      }
      case 'removeTable':
        remove(tables, change.tableId, `table ${change.tableId}`);
        break;
      case 'createShard': {
        const key = shardKey(change.shard.id);
        const known = shards.get(key);
        if (known !== undefined && (known.type !== change.shard.type || known.sourceType !== change.shard.sourceType || known.destinationType !== change.shard.destinationType)) {
          throw new RoostError('AlreadyExists', `shard ${key} exists as ${known.type}`, { fields: { shard: key } });
        }
        if (known === undefined) shards.set(key, change.shard);
        break;
      }
      case 'deleteShard': {
        const key = shardKey(change.id);
        remove(shards, key, `shard ${key}`);
        break;
      }
      case 'addLink':
        links.set(linkKey(change.link.parent, change.link.child), change.link);
        break;
      case 'removeLink':
        remove(links, linkKey(change.parent, change.child), `link ${linkKey(change.parent, change.child)}`);
        break;
      case 'setForwarding':
        forwardings.set(forwardingKey(change.forwarding), change.forwarding);
        break;
      case 'removeForwarding':
        remove(forwardings, forwardingKey(change), `forwarding of table ${change.tableId} at ${change.baseId}`);
        break;
      case 'setHostWeight':
        hostWeights.set(change.weight.hostname, change.weight);
        break;
      case 'markBusy': {
        const key = shardKey(change.id);
        const known = shards.get(key);
        if (known === undefined) throw new RoostError('NotFound', `there is no shard ${key}`, { fields: { shard: key } });
        shards.set(key, { ...known, busy: change.busy });
        break;
      }
    }
  }
  return {
    version: state.version + 1,
    tables: [...tables.values()],
    shards: [...shards.values()],
    links: [...links.values()],
    forwardings: [...forwardings.values()],
    hostWeights: [...hostWeights.values()],
  };
}

const linkKey = (parent: ShardId, child: ShardId): string => `${shardKey(parent)} → ${shardKey(child)}`;
const forwardingKey = (forwarding: { readonly tableId: number; readonly baseId: bigint }): string => `${forwarding.tableId} ${forwarding.baseId}`;
