import { giveWay, isRoostError, limits, RoostError } from '../../core/index.js';
import {
  type Change,
  type Forwarding,
  type Gizzard,
  type Link,
  shardKey,
  type ShardId,
  type ShardInfo,
  type TableInfo,
  type Topology,
} from '../../gizzard/index.js';
import { required } from '../../wire/index.js';
import type { ManagerModule, ManagerTypes } from '../../wire/manager/index.js';
import {
  busyFromThrift,
  forwardingFromThrift,
  forwardingToThrift,
  linkToThrift,
  operationToChange,
  shardFromThrift,
  shardIdFromThrift,
  shardToThrift,
  weightFromThrift,
  weightToThrift,
} from './managerStructs.js';
import type { ShardClasses } from './shardClasses.js';
import { withoutAbsent } from './withoutAbsent.js';

/** Tables in one dump; a repeated one is listed once. */
const dumpedTables = 1_000;
/** More moves than ever wait at once. */
const activeMoves = 100_000;
export type TopologyMethods = Pick<
  ManagerModule.Client,
  | 'reload_updated_forwardings'
  | 'reload_config'
  | 'find_current_forwarding'
  | 'dump_nameserver'
  | 'list_tables'
  | 'list_hostnames'
  | 'create_shard'
  | 'delete_shard'
  | 'get_shard'
  | 'shards_for_hostname'
  | 'get_busy_shards'
  | 'mark_shard_busy'
  | 'add_link'
  | 'remove_link'
  | 'list_upward_links'
  | 'list_downward_links'
  | 'set_host_weight'
  | 'list_host_weights'
  | 'set_forwarding'
  | 'replace_forwarding'
  | 'remove_forwarding'
  | 'get_forwarding'
  | 'get_forwarding_for_shard'
  | 'get_forwardings'
  | 'batch_execute'
>;

/**
 * The manager's reads and changes of the topology. Tools use any of a cluster's servers in turn, so that each answer
 * is of the newest topology.
 */
export function topologyMethods(
  gizzard: Gizzard,
  classes: ShardClasses,
  by: string,
  reload: () => Promise<void> = () => gizzard.nameServer.reload(),
): TopologyMethods {
  const { nameServer, moves, config } = gizzard;
  const fresh = async (): Promise<Topology> => {
    await nameServer.reload();
    return nameServer.topology;
  };
  const apply = async (changes: readonly Change[]): Promise<void> => {
    if (changes.length > 0) await gizzard.apply(changes, by);
  };
  /** Things to remove may be gone already: tools ask twice, and several at a time. */
  const take = async (changes: readonly Change[]): Promise<void> => {
    try {
      await apply(withoutAbsent(await fresh(), changes));
    } catch (error) {
      if (!isRoostError(error, 'NotFound')) throw error;
      // Removed since the check.
      await apply(withoutAbsent(await fresh(), changes));
    }
  };

  /** In Gizzard, marking one of its shards so stopped a copy. */
  const cancelMoves = async (id: ShardId): Promise<void> => {
    const open = await moves.store.list({ active: true, limit: activeMoves });
    const ofShard = open.filter(
      ({ kind, sources, targets }) =>
        kind !== 'diff' && [...sources, ...targets].some((shard) => shardKey(shard.id) === shardKey(id)),
    );
    for (const move of ofShard)
      if (move.migrationId === undefined) await moves.store.wantCancelled(move.id);
      else await moves.cancel(move.id);
  };

  const toThrift = (shard: ShardInfo): ManagerTypes.ShardInfo => shardToThrift(gizzard.attributes, classes, shard);

  return {
    reload_updated_forwardings: () => reload(),
    reload_config: () => reload(),
    async find_current_forwarding(tableId, id) {
      return toThrift((await fresh()).locate(required(tableId, 'table_id'), required(id, 'id')).route.root);
    },
    async dump_nameserver(tableIds) {
      const asked = new Set(required(tableIds, 'table_id'));
      if (asked.size > dumpedTables)
        throw new RoostError('InvalidArgument', `a dump holds ${dumpedTables} tables at most, not ${asked.size}`);
      const topology = await fresh();
      const states: ManagerTypes.NameServerState[] = [];
      for (const tableId of asked) {
        const forwardings = topology.state.forwardings.filter((forwarding) => forwarding.tableId === tableId);
        const { shards, links } = below(topology, forwardings);
        states.push({
          shards: shards.map(toThrift),
          links: links.map(linkToThrift),
          forwardings: forwardings.map(forwardingToThrift),
          table_id: tableId,
          hostWeights: topology.state.hostWeights.map(weightToThrift),
        });
        await giveWay();
      }
      return states;
    },
    async list_tables() {
      return [...new Set((await fresh()).state.forwardings.map(({ tableId }) => tableId))].sort((a, b) => a - b);
    },
    async list_hostnames() {
      return [...new Set((await fresh()).state.shards.map(({ id }) => id.hostname))].sort();
    },

    async create_shard(shard) {
      await apply([{ kind: 'createShard', shard: shardFromThrift(classes, shard) }]);
    },
    async delete_shard(id) {
      await take([{ kind: 'deleteShard', id: shardIdFromThrift(id) }]);
    },
    async get_shard(id) {
      return toThrift((await fresh()).shard(shardIdFromThrift(id)));
    },
    async shards_for_hostname(hostname) {
      const name = required(hostname, 'hostname');
      return (await fresh()).state.shards.filter(({ id }) => id.hostname === name).map(toThrift);
    },
    async get_busy_shards() {
      return (await fresh()).state.shards.filter(({ busy }) => busy !== 'normal').map(toThrift);
    },
    async mark_shard_busy(id, busy) {
      const shard = shardIdFromThrift(id);
      const mark = busyFromThrift(busy);
      if (mark === 'cancelled') await cancelMoves(shard);
      await apply([{ kind: 'markBusy', id: shard, busy: mark }]);
    },

    async add_link(upId, downId, weight) {
      await apply([
        {
          kind: 'addLink',
          link: {
            parent: shardIdFromThrift(upId),
            child: shardIdFromThrift(downId),
            weight: required(weight, 'weight'),
          },
        },
      ]);
    },
    async remove_link(upId, downId) {
      await take([{ kind: 'removeLink', parent: shardIdFromThrift(upId), child: shardIdFromThrift(downId) }]);
    },
    async list_upward_links(id) {
      return (await fresh()).parents(shardIdFromThrift(id)).toSorted(byWeight).map(linkToThrift);
    },
    async list_downward_links(id) {
      return (await fresh()).children(shardIdFromThrift(id)).toSorted(byWeight).map(linkToThrift);
    },

    async set_host_weight(weight) {
      await apply([{ kind: 'setHostWeight', weight: weightFromThrift(weight) }]);
    },
    async list_host_weights() {
      return (await fresh()).state.hostWeights.map(weightToThrift);
    },

    async set_forwarding(forwarding) {
      await apply(
        withTables(classes, config.manager.defaultHash, await fresh(), [
          { kind: 'setForwarding', forwarding: forwardingFromThrift(forwarding) },
        ]),
      );
    },
    async replace_forwarding(oldId, newId) {
      const from = shardKey(shardIdFromThrift(oldId));
      const shard = shardIdFromThrift(newId);
      const forwardings = (await fresh()).state.forwardings.filter((forwarding) => shardKey(forwarding.shard) === from);
      // Tools also call it for shards that nothing forwards to.
      await apply(forwardings.map((forwarding) => ({ kind: 'setForwarding', forwarding: { ...forwarding, shard } })));
    },
    async remove_forwarding(forwarding) {
      const { tableId, baseId, shard } = forwardingFromThrift(forwarding);
      const known = find(await fresh(), tableId, baseId);
      if (known !== undefined && shardKey(known.shard) === shardKey(shard))
        await take([{ kind: 'removeForwarding', tableId, baseId }]);
    },
    async get_forwarding(tableId, baseId) {
      const known = find(await fresh(), required(tableId, 'table_id'), required(baseId, 'base_id'));
      if (known === undefined)
        throw new RoostError('NotFound', `table ${tableId} has no forwarding at ${baseId}`, {
          fields: { table: tableId, base: baseId },
        });
      return forwardingToThrift(known);
    },
    async get_forwarding_for_shard(shardId) {
      const key = shardKey(shardIdFromThrift(shardId));
      const known = (await fresh()).state.forwardings.find((forwarding) => shardKey(forwarding.shard) === key);
      if (known === undefined)
        throw new RoostError('NotFound', `no table forwards to shard ${key}`, { fields: { shard: key } });
      return forwardingToThrift(known);
    },
    async get_forwardings() {
      return (await fresh()).state.forwardings.map(forwardingToThrift);
    },

    async batch_execute(commands) {
      if (required(commands, 'commands').length > limits.operationsPerWrite) {
        throw new RoostError(
          'InvalidArgument',
          `a batch holds at most ${limits.operationsPerWrite} operations, not ${commands.length}`,
        );
      }
      const changes = commands.map((command) => {
        const change = operationToChange(classes, command);
        if (change === 'commit')
          throw new RoostError('InvalidArgument', 'the operation commit belongs to rollback logs only');
        return change;
      });
      const topology = await fresh();
      await apply(withTables(classes, config.manager.defaultHash, topology, withoutAbsent(topology, changes)));
    },
  };
}

const find = (topology: Topology, tableId: number, baseId: bigint): Forwarding | undefined =>
  topology.state.forwardings.find((forwarding) => forwarding.tableId === tableId && forwarding.baseId === baseId);

/** The shards that some forwardings lead to, and their links, each once. */
function below(
  topology: Topology,
  forwardings: readonly Forwarding[],
): { readonly shards: readonly ShardInfo[]; readonly links: readonly Link[] } {
  const shards = new Map<string, ShardInfo>();
  const links: Link[] = [];
  const waiting: ShardId[] = forwardings.map(({ shard }) => shard);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (shards.has(shardKey(id))) continue;
    shards.set(shardKey(id), topology.shard(id));
    for (const link of topology.children(id).toSorted(byWeight)) {
      links.push(link);
      waiting.push(link.child);
    }
  }
  return { shards: [...shards.values()], links };
}

/**
 * Gizzard had no register of tables: a table began with its first forwarding. The table of the negated number, a
 * graph's other direction, has the same name.
 */
function withTables({ store }: ShardClasses, hash: string, topology: Topology, changes: readonly Change[]): Change[] {
  const known = new Map(topology.tables.map((table) => [table.tableId, table]));
  return changes.flatMap((change): Change[] => {
    if (change.kind !== 'setForwarding' || known.has(change.forwarding.tableId)) return [change];
    const { tableId } = change.forwarding;
    if (store === undefined)
      throw new RoostError('InvalidArgument', `there is no table ${tableId}: \`roost create-table\` makes it`, {
        fields: { table: tableId },
      });
    const table: TableInfo = {
      name: `table_${Math.abs(tableId)}`,
      service: store,
      hash,
      ...known.get(-tableId),
      tableId,
    };
    known.set(tableId, table);
    return [{ kind: 'createTable', table }, change];
  });
}

/** Greatest weight first, as Gizzard listed them. */
const byWeight = (a: Link, b: Link): number => b.weight - a.weight;
