import { evenRanges, RoostError } from '../../core/index.js';
import { keyHash } from '../hashes/index.js';
import type { Change } from '../topology/changes.js';
import type { Topology } from '../topology/topology.js';
import { shardKey, type ShardId, type ShardInfo, type TableInfo } from '../topology/types.js';
import type { MigrationPlanner } from './planMigration.js';
import { assignTemplates, shareOut, spreadOverHosts, type HostShare, type WeightedTemplate } from './planRebalance.js';
import type { MigrationPlan } from './steps.js';
import { checkTemplate, leavesOf, printTemplate, type Template } from './template.js';

/** A tree's place: its table and base id. */
export interface TreePlace {
  readonly tableId: number;
  readonly baseId: bigint;
}

const maxShards = 10_000;

/** Every tree of some tables. Throws `NotFound` for an unknown table. */
export const placesOf = (planner: MigrationPlanner, tableIds: readonly number[]): TreePlace[] =>
  tableIds.flatMap((tableId) => [...planner.roots(tableId).keys()].map((baseId) => ({ tableId, baseId })));

/** The places whose trees hold data: keys of which nothing is kept may share a tree, which stays. */
const holdingPlaces = (planner: MigrationPlanner, tableIds: readonly number[]): TreePlace[] =>
  placesOf(planner, tableIds).filter(({ tableId, baseId }) => planner.holds(tableId, baseId));

/** Transforms every tree of some tables from one shape into another. Throws `NotFound` if none has the shape. */
export function transform(
  planner: MigrationPlanner,
  tableIds: readonly number[],
  from: Template,
  to: Template,
): MigrationPlan[] {
  const shape = printTemplate(from);
  const places = placesOf(planner, tableIds).filter(
    ({ tableId, baseId }) => printTemplate(planner.template(tableId, baseId)) === shape,
  );
  if (places.length === 0)
    throw new RoostError('NotFound', `no tree has the shape ${shape}; \`roost topology\` shows those there are`);
  return plansFor(
    planner,
    places,
    places.map(() => to),
  );
}

/** Transforms the tree that holds a shard. Throws `NotFound` if no table forwards to it. */
export const transformTree = (planner: MigrationPlanner, shard: ShardId, to: Template): MigrationPlan[] =>
  plansFor(planner, [placeOf(planner, shard)], [to]);

/**
 * Moves a leaf to another host; the rest of its tree stays. Throws `NotFound`, and `InvalidArgument` for a routing
 * node or a host that has a copy already.
 */
export function moveShard(planner: MigrationPlanner, shard: ShardId, toHost: string): MigrationPlan[] {
  const place = placeOf(planner, shard);
  const before = planner.template(place.tableId, place.baseId);
  if (toHost !== shard.hostname && leavesOf(before).some(({ host }) => host === toHost))
    throw new RoostError(
      'FailedPrecondition',
      `${shardKey(shard)} cannot be moved: its tree has a shard on ${toHost} already`,
      { fields: { shard: shardKey(shard) } },
    );
  let moved = 0;
  const move = (node: Template): Template => {
    if (node.host === undefined) return { ...node, children: node.children.map(move) };
    if (node.host !== shard.hostname) return node;
    moved++;
    return { ...node, host: toHost };
  };
  const after = move(before);
  if (moved !== 1)
    throw new RoostError(
      'InvalidArgument',
      `${shardKey(shard)} is no shard that can be moved: its tree has ${moved} leaves on ${shard.hostname}`,
      { fields: { shard: shardKey(shard) } },
    );
  return plansFor(planner, [place], [checkTemplate(after)]);
}

/** Spreads the leaves of each table over hosts by weight, with the fewest copies. */
export function rebalanceHosts(
  planner: MigrationPlanner,
  tableIds: readonly number[],
  hosts: readonly HostShare[],
): MigrationPlan[] {
  const places = holdingPlaces(planner, tableIds);
  const owed = new Map<string, number>();
  // Table by table: both directions of a graph, and each of many graphs, use all hosts.
  return [...new Set(places.map(({ tableId }) => tableId))].flatMap((tableId) => {
    const own = places.filter((place) => place.tableId === tableId);
    return plansFor(
      planner,
      own,
      spreadOverHosts(
        own.map(({ baseId }) => planner.template(tableId, baseId)),
        hosts,
        owed,
      ),
    );
  });
}

/** Assigns shapes to each table's trees by weight, with the fewest copies. */
export function rebalanceTemplates(
  planner: MigrationPlanner,
  tableIds: readonly number[],
  shapes: readonly WeightedTemplate[],
): MigrationPlan[] {
  const places = holdingPlaces(planner, tableIds);
  return plansFor(
    planner,
    places,
    assignTemplates(
      places.map(({ tableId, baseId }) => planner.template(tableId, baseId)),
      shapes,
    ),
  );
}

/** Rebalances over the shapes of the tables' trees, without some and with others, all of equal weight. */
export function changePartitions(
  planner: MigrationPlanner,
  tableIds: readonly number[],
  change: { readonly add?: readonly Template[]; readonly remove?: readonly Template[] },
): MigrationPlan[] {
  const shapes = new Map(
    holdingPlaces(planner, tableIds).map(({ tableId, baseId }) => {
      const template = planner.template(tableId, baseId);
      return [printTemplate(template), template];
    }),
  );
  for (const template of change.remove ?? []) {
    if (!shapes.delete(printTemplate(template)))
      throw new RoostError(
        'NotFound',
        `no tree has the shape ${printTemplate(template)}; \`roost topology\` shows those there are`,
      );
  }
  for (const template of change.add ?? []) shapes.set(printTemplate(template), template);
  if (shapes.size === 0) throw new RoostError('InvalidArgument', 'no shape would be left for the trees');
  return rebalanceTemplates(
    planner,
    tableIds,
    [...shapes.values()].map((template) => ({ template, weight: 1 })),
  );
}

/**
 * Splits a tree's keys at some hashes; absent: in the middle. The parts have its shape, or the given ones in order.
 */
export function split(
  planner: MigrationPlanner,
  place: TreePlace,
  options: { readonly at?: readonly bigint[]; readonly shapes?: readonly Template[] } = {},
): MigrationPlan[] {
  const { tableId, baseId } = place;
  const template = planner.template(tableId, baseId);
  const bases = [...planner.roots(tableId).keys()];
  const end = bases[bases.indexOf(baseId) + 1] ?? keyHash(planner.topology.table(tableId).hash).maxHash + 1n;
  const cuts = options.at ?? [(baseId + end) / 2n];
  const wrong = cuts.find((cut) => cut <= baseId || cut >= end);
  if (wrong !== undefined)
    throw new RoostError(
      'InvalidArgument',
      `the tree at ${baseId} of table ${tableId} can be split between ${baseId + 1n} and ${end - 1n}, not at ${wrong}`,
    );
  const parts = [baseId, ...cuts];
  if (options.shapes !== undefined && options.shapes.length !== parts.length)
    throw new RoostError('InvalidArgument', `${parts.length} parts need as many shapes, not ${options.shapes.length}`);
  return compact([
    planner.plan(
      tableId,
      [baseId],
      parts.map((part, i) => ({ baseId: part, template: options.shapes?.[i] ?? template })),
    ),
  ]);
}

/** Merges `count` successive trees into one, of the first one's shape or a given one. */
export function merge(planner: MigrationPlanner, place: TreePlace, count: number, shape?: Template): MigrationPlan[] {
  const { tableId, baseId } = place;
  const bases = [...planner.roots(tableId).keys()];
  const merged = bases.slice(bases.indexOf(baseId), bases.indexOf(baseId) + count);
  const template = shape ?? planner.template(tableId, baseId);
  if (count < 2 || merged.length < count)
    throw new RoostError(
      'InvalidArgument',
      `only ${merged.length} trees of table ${tableId} begin at ${baseId} or later; two or more are needed for a merge`,
    );
  return compact([planner.plan(tableId, merged, [{ baseId, template }])]);
}

/**
 * The changes that create a table: shards of equal key ranges, with trees of some shapes by weight. Throws
 * `AlreadyExists` and `InvalidArgument`.
 */
export function planTable(
  topology: Topology,
  table: TableInfo,
  shards: number,
  shapes: readonly WeightedTemplate[],
): Change[] {
  if (topology.tables.some((one) => one.tableId === table.tableId))
    throw new RoostError('AlreadyExists', `there is a table ${table.tableId} already`, {
      fields: { table: table.tableId },
    });
  if (!Number.isInteger(shards) || shards < 1 || shards > maxShards)
    throw new RoostError('InvalidArgument', `shards must be an integer from 1 to ${maxShards}, not ${shards}`);
  const bases = evenRanges(0n, keyHash(table.hash).maxHash + 1n, shards);
  const quotas = shareOut(
    shards,
    shapes.map(({ weight }) => weight),
  );
  const changes: Change[] = [{ kind: 'createTable', table }];
  // Shapes alternate, so that neighboring keys are on different hosts.
  const order = quotas
    .flatMap((quota, shape) => Array.from({ length: quota }, (_, i) => ({ shape, at: (i + 0.5) / quota })))
    .sort((a, b) => a.at - b.at || a.shape - b.shape);
  for (const [i, { shape }] of order.entries()) {
    const prefix = `${table.name}_${table.tableId < 0 ? `n${-table.tableId}` : table.tableId}_${String(i).padStart(4, '0')}`;
    const root = addTree(changes, shapes[shape]!.template, prefix);
    changes.push({
      kind: 'setForwarding',
      forwarding: { tableId: table.tableId, baseId: bases[i]!, shard: root },
    });
  }
  return changes;
}

function addTree(changes: Change[], template: Template, prefix: string, path = 'root'): ShardId {
  const id =
    template.host === undefined
      ? { hostname: 'localhost', tablePrefix: `${prefix}_${path}` }
      : { hostname: template.host, tablePrefix: prefix };
  const shard: ShardInfo = {
    id,
    type: template.type,
    attributes: template.attributes,
    busy: 'normal',
  };
  changes.push({ kind: 'createShard', shard });
  for (const [i, child] of template.children.entries()) {
    changes.push({
      kind: 'addLink',
      link: { parent: id, child: addTree(changes, child, prefix, `${path}${i}`), weight: child.weight },
    });
  }
  return id;
}

/** Plans that give each place a shape; places that have it are left out. */
export const plansFor = (
  planner: MigrationPlanner,
  places: readonly TreePlace[],
  shapes: readonly Template[],
): MigrationPlan[] =>
  compact(places.map(({ tableId, baseId }, i) => planner.plan(tableId, [baseId], [{ baseId, template: shapes[i]! }])));

const compact = (plans: readonly (MigrationPlan | undefined)[]): MigrationPlan[] =>
  plans.filter((plan) => plan !== undefined);

/** The place of a shard's tree. */
function placeOf(planner: MigrationPlanner, shard: ShardId): TreePlace {
  const { topology } = planner;
  let root = topology.shard(shard).id;
  for (let [parent] = topology.parents(root); parent !== undefined; [parent] = topology.parents(root))
    root = parent.parent;
  const forwarding = topology.state.forwardings.find((one) => shardKey(one.shard) === shardKey(root));
  if (forwarding === undefined)
    throw new RoostError('NotFound', `no table forwards to ${shardKey(shard)}`, { fields: { shard: shardKey(shard) } });
  return { tableId: forwarding.tableId, baseId: forwarding.baseId };
}

/** The number of leaves on each host in some trees. */
export function leavesPerHost(templates: readonly Template[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const leaf of templates.flatMap(leavesOf)) found.set(leaf.host!, (found.get(leaf.host!) ?? 0) + 1);
  return found;
}
