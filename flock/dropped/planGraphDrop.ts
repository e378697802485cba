import { RoostError } from '../../core/index.js';
import { nodeType, shardKey, type Change, type ShardId, type ShardInfo, type Topology } from '../../gizzard/index.js';
import type { GraphInfo } from '../../wire/index.js';
import { tableIdOf } from '../graphs.js';

/**
 * The service of a dropped graph's tables. They keep the graph's number, so that no job of it can ever reach another
 * graph.
 */
export const droppedService = 'dropped';
/** The target of their forwardings: waiting jobs of the graph end there without effect. */
const droppedRoot: ShardId = { hostname: 'localhost', tablePrefix: 'dropped_graphs' };

export interface GraphDrop {
  /** The changes that remove the graph from the topology. */
  readonly changes: readonly Change[];
  /** The changes that `planGraphUndrop` needs: its tables, shards, links and forwardings. */
  readonly tree: readonly Change[];
  /** The shards that hold its edges. */
  readonly leaves: readonly ShardInfo[];
}

/** Plans the drop of a graph as one change. Shards above another table's keys stay. */
export function planGraphDrop(topology: Topology, graph: GraphInfo): GraphDrop {
  const isOwn = ({ tableId }: { readonly tableId: number }): boolean => Math.abs(tableId) === graph.id;
  const tables = topology.tables.filter(isOwn);
  const forwardings = topology.state.forwardings.filter(isOwn);
  const kept = below(
    topology,
    topology.state.forwardings.filter((forwarding) => !isOwn(forwarding)).map(({ shard }) => shard),
  );
  const gone = [
    ...below(
      topology,
      forwardings.map(({ shard }) => shard),
    ),
  ]
    .filter(([key]) => !kept.has(key))
    .map(([, shard]) => shard);
  const links = gone.flatMap(({ id }) => topology.children(id));
  const changes: Change[] = [];
  if (!topology.hasShard(droppedRoot))
    changes.push({
      kind: 'createShard',
      shard: { id: droppedRoot, type: 'blackHole', attributes: {}, busy: 'normal' },
    });
  for (const table of tables) {
    const { tableId } = table;
    changes.push(
      { kind: 'removeTable', tableId },
      { kind: 'createTable', table: { ...table, service: droppedService } },
    );
    for (const { tableId: of, baseId } of forwardings)
      if (of === tableId && baseId !== 0n) changes.push({ kind: 'removeForwarding', tableId, baseId });
    changes.push({ kind: 'setForwarding', forwarding: { tableId, baseId: 0n, shard: droppedRoot } });
  }
  for (const { parent, child } of links) changes.push({ kind: 'removeLink', parent, child });
  for (const { id } of gone) changes.push({ kind: 'deleteShard', id });
  const tree: Change[] = [
    ...tables.map((table): Change => ({ kind: 'createTable', table })),
    ...gone.map((shard): Change => ({ kind: 'createShard', shard: { ...shard, busy: 'normal' } })),
    ...links.map((link): Change => ({ kind: 'addLink', link })),
    ...forwardings.map((forwarding): Change => ({ kind: 'setForwarding', forwarding })),
  ];
  return { changes, tree, leaves: leavesOf(tree) };
}

/**
 * Plans the return of a dropped graph; `tree` is from its `GraphDrop`. Throws `AlreadyExists` if another graph has
 * its name, and `FailedPrecondition` if its number is not reserved for it.
 */
export function planGraphUndrop(topology: Topology, graph: GraphInfo, tree: readonly Change[]): Change[] {
  if (topology.tables.some(({ name, service }) => name === graph.name && service === 'flock')) {
    throw new RoostError(
      'AlreadyExists',
      `there is a graph ${graph.name} by now: the dropped one of this name, number ${graph.id}, cannot come back beside it`,
      { fields: { graph: graph.name } },
    );
  }
  const changes: Change[] = [];
  for (const direction of ['forward', 'backward'] as const) {
    const tableId = tableIdOf(graph.id, direction);
    const table = topology.tables.find((one) => one.tableId === tableId);
    if (table?.service !== droppedService || table.name !== graph.name) {
      throw new RoostError('FailedPrecondition', `number ${graph.id} is no longer kept for graph ${graph.name}`, {
        fields: { graph: graph.id },
      });
    }
    changes.push({ kind: 'removeTable', tableId });
    if (
      !tree.some(
        (change) =>
          change.kind === 'setForwarding' && change.forwarding.tableId === tableId && change.forwarding.baseId === 0n,
      )
    )
      changes.push({ kind: 'removeForwarding', tableId, baseId: 0n });
  }
  return [...changes, ...tree];
}

export const leavesOf = (tree: readonly Change[]): ShardInfo[] =>
  tree.flatMap((change) =>
    change.kind === 'createShard' && nodeType(change.shard.type) === undefined ? [change.shard] : [],
  );

/** Every shard at or below the given ones, by key. */
function below(topology: Topology, roots: readonly ShardId[]): Map<string, ShardInfo> {
  const found = new Map<string, ShardInfo>();
  const waiting = [...roots];
  for (const id of waiting) {
    if (found.has(shardKey(id))) continue;
    found.set(shardKey(id), topology.shard(id));
    waiting.push(...topology.children(id).map(({ child }) => child));
  }
  return found;
}
