import { isDeepStrictEqual } from 'node:util';
import { type Priority, RoostError } from '../../core/index.js';
import {
  shardKey,
  type Fanout,
  type Forwarding,
  type HostWeight,
  type Link,
  type RemoteHost,
  type ShardId,
  type ShardInfo,
  type TableInfo,
  type TopologyState,
} from './types.js';
import { checkWeight, maxHostWeight } from './checks.js';
import { validFanout, validRemoteHost } from './validOperations.js';

/** One step of a topology change. */
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
  | { readonly kind: 'removeHostWeight'; readonly hostname: string }
  | { readonly kind: 'markBusy'; readonly id: ShardId; readonly busy: ShardInfo['busy'] }
  | { readonly kind: 'setSchemaVersion'; readonly id: ShardId; readonly schemaVersion: number }
  | { readonly kind: 'setRemoteHost'; readonly host: RemoteHost }
  | { readonly kind: 'removeRemoteHost'; readonly hostname: string; readonly port: number }
  | { readonly kind: 'pauseJobs'; readonly priority: Priority }
  | { readonly kind: 'resumeJobs'; readonly priority: Priority }
  | { readonly kind: 'addFanout'; readonly fanout: Fanout }
  | { readonly kind: 'removeFanout'; readonly fanout: Fanout };

/**
 * The state after some changes, with the next version. Creating something that exists and is equal changes nothing,
 * so that a change may be repeated; creating it differently throws `AlreadyExists`, and removing or marking something
 * absent `NotFound`. Only the result counts: a deleted shard must have no link and no forwarding once all changes are
 * made, else `FailedPrecondition`.
 */
export function applyChanges(state: TopologyState, changes: readonly Change[]): TopologyState {
  const tables = new Map(state.tables.map((table) => [table.tableId, table]));
  const shards = new Map(state.shards.map((shard) => [shardKey(shard.id), shard]));
  const links = new Map(state.links.map((link) => [linkKey(link.parent, link.child), link]));
  const forwardings = new Map(state.forwardings.map((forwarding) => [forwardingKey(forwarding), forwarding]));
  const hostWeights = new Map(state.hostWeights.map((weight) => [weight.hostname, weight]));
  const remoteHosts = new Map(state.remoteHosts.map((host) => [remoteKey(host), host]));
  const paused = new Set(state.pausedPriorities);
  const fanouts = new Map(state.fanouts.map((fanout) => [fanoutKey(fanout), fanout]));
  const deleted = new Set<string>();

  const remove = <K>(map: Map<K, unknown>, key: K, what: string): void => {
    if (!map.delete(key)) throw new RoostError('NotFound', `there is no ${what}`);
  };

  for (const change of changes) {
    switch (change.kind) {
      case 'createTable': {
        const known = tables.get(change.table.tableId);
        if (
          known !== undefined &&
          (known.name !== change.table.name ||
            known.service !== change.table.service ||
            known.hash !== change.table.hash)
        ) {
          throw new RoostError(
            'AlreadyExists',
            `table ${known.tableId} exists as ${known.name} of ${known.service}, hashed by ${known.hash}`,
            { fields: { table: known.tableId } },
          );
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
        if (
          known !== undefined &&
          (known.type !== change.shard.type || !isDeepStrictEqual(known.attributes, change.shard.attributes))
        ) {
          throw new RoostError('AlreadyExists', `shard ${key} exists as ${known.type}`, { fields: { shard: key } });
        }
        if (known === undefined) shards.set(key, change.shard);
        deleted.delete(key);
        break;
      }
      case 'deleteShard': {
        const key = shardKey(change.id);
        remove(shards, key, `shard ${key}`);
        deleted.add(key);
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
        for (const kind of ['read', 'write'] as const)
          checkWeight(change.weight[kind], () => `the ${kind} weight of host ${change.weight.hostname}`, maxHostWeight);
        hostWeights.set(change.weight.hostname, change.weight);
        break;
      case 'removeHostWeight':
        remove(hostWeights, change.hostname, `weight of host ${change.hostname}`);
        break;
      case 'markBusy': {
        const key = shardKey(change.id);
        const known = shards.get(key);
        if (known === undefined)
          throw new RoostError('NotFound', `there is no shard ${key}`, { fields: { shard: key } });
        shards.set(key, { ...known, busy: change.busy });
        break;
      }
      case 'setSchemaVersion': {
        const key = shardKey(change.id);
        const known = shards.get(key);
        if (known === undefined)
          throw new RoostError('NotFound', `there is no shard ${key}`, { fields: { shard: key } });
        const { schemaVersion: _, ...shard } = known;
        shards.set(key, change.schemaVersion === 1 ? shard : { ...shard, schemaVersion: change.schemaVersion });
        break;
      }
      case 'setRemoteHost':
        remoteHosts.set(remoteKey(change.host), validRemoteHost(change.host));
        break;
      case 'removeRemoteHost':
        remove(remoteHosts, remoteKey(change), `remote host ${remoteKey(change)}`);
        break;
      case 'pauseJobs':
        paused.add(change.priority);
        break;
      case 'resumeJobs':
        paused.delete(change.priority);
        break;
      case 'addFanout':
        fanouts.set(fanoutKey(change.fanout), validFanout(change.fanout));
        break;
      case 'removeFanout':
        remove(
          fanouts,
          fanoutKey(change.fanout),
          `fanout ${change.fanout.suffix} of the ${change.fanout.priority} jobs`,
        );
        break;
    }
  }
  refuseOrphans(deleted, links.values(), forwardings.values());
  return {
    version: state.version + 1,
    tables: [...tables.values()],
    shards: [...shards.values()],
    links: [...links.values()],
    forwardings: [...forwardings.values()],
    hostWeights: [...hostWeights.values()],
    remoteHosts: [...remoteHosts.values()],
    pausedPriorities: [...paused],
    fanouts: [...fanouts.values()],
  };
}

/** Deleting a shard removes nothing else: its links and forwardings must be removed first. */
function refuseOrphans(deleted: ReadonlySet<string>, links: Iterable<Link>, forwardings: Iterable<Forwarding>): void {
  if (deleted.size === 0) return;
  const refuse = (shard: string, why: string): never => {
    throw new RoostError('FailedPrecondition', `shard ${shard} cannot be deleted: ${why}`, { fields: { shard } });
  };
  for (const { parent, child } of links) {
    if (deleted.has(shardKey(parent))) refuse(shardKey(parent), `${shardKey(child)} is linked below it`);
    if (deleted.has(shardKey(child))) refuse(shardKey(child), `it is linked below ${shardKey(parent)}`);
  }
  for (const { tableId, baseId, shard } of forwardings) {
    if (deleted.has(shardKey(shard))) refuse(shardKey(shard), `table ${tableId} forwards ${baseId} to it`);
  }
}

export const linkKey = (parent: ShardId, child: ShardId): string => `${shardKey(parent)} → ${shardKey(child)}`;
export const forwardingKey = (forwarding: { readonly tableId: number; readonly baseId: bigint }): string =>
  `${forwarding.tableId} ${forwarding.baseId}`;
export const remoteKey = (host: { readonly hostname: string; readonly port: number }): string =>
  `${host.hostname}:${host.port}`;
export const fanoutKey = (fanout: Fanout): string => `${fanout.priority} ${fanout.suffix}`;
