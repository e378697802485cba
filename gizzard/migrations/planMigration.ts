import { RoostError } from '../../core/index.js';
import { keyHash } from '../hashes/index.js';
import type { HashRange, MoveSpec } from '../moving/moveTask.js';
import { nodeType } from '../nodes/index.js';
import { changesBetween } from '../topology/changesBetween.js';
import type { Topology } from '../topology/topology.js';
import { shardKey, type ShardId, type ShardInfo } from '../topology/types.js';
import {
  concreteLeaves,
  concreteTree,
  partOfTopology,
  templateOfTree,
  type ConcreteLeaf,
  type ConcreteTree,
} from './concreteTree.js';
import { ShardNames } from './shardNames.js';
import { retired, type MigrationPlan, type PlannedStep } from './steps.js';
import { checkTemplate, leafIdentity, leavesOf, printTemplate, type Template } from './template.js';

/** The host name of routing nodes, which hold nothing. */
const routingHost = 'localhost';
/** The longest base of a new name: suffixes still fit into a prefix of 54 characters. */
const maxBaseLength = 40;

/** A wanted tree, for the keys from a base id on. */
export interface WantedTree {
  readonly baseId: bigint;
  readonly template: Template;
}

interface From {
  readonly baseId: bigint;
  readonly tree: ConcreteTree;
  readonly leaves: readonly ConcreteLeaf[];
}

interface To {
  readonly baseId: bigint;
  readonly tree: ConcreteTree;
  readonly leaves: readonly ConcreteLeaf[];
  /** Leaves to fill, and to keep up to date until they are read. */
  readonly filled: readonly ShardInfo[];
}

/** Keys that share a tree before and after. */
interface Interval {
  readonly baseId: bigint;
  readonly end: bigint;
  readonly from: From;
  readonly to: To;
  /** The replicating node above both trees while keys move from one to the other. */
  readonly stage: ShardInfo;
}

interface TableRoots {
  readonly roots: ReadonlyMap<bigint, ShardId>;
  /** Ascending base ids, and the place of each. */
  readonly bases: readonly bigint[];
  readonly places: ReadonlyMap<bigint, number>;
}

/**
 * Plans how neighboring trees of a table become others that cover the same keys: a tree of another shape, a split, or a merge.
 *
 * In between, each interval of keys has a replicating node above both trees. First it has the new leaves at weight 0, written and not read. Once these hold everything, it has the new tree, and the old leaves at weight 0, so that a rollback loses
 * nothing. In the end only the new tree remains. A root that is a replicating node already serves as this node, and keeps its name.
 *
 * A planner works on one topology and gives out each name once: all its plans may be carried out.
 */
export class MigrationPlanner {
  readonly #names: ShardNames;
  readonly #tables = new Map<number, TableRoots>();
  readonly #users = new Map<string, number>();

  /** `spent`: names, as `shardKey`s, that no shard has and none may get again. */
  constructor(
    readonly topology: Topology,
    spent: ReadonlySet<string> = new Set(),
  ) {
    this.#names = new ShardNames(topology, spent);
    for (const { shard } of topology.state.forwardings)
      this.#users.set(shardKey(shard), (this.#users.get(shardKey(shard)) ?? 0) + 1);
  }

  /** The roots of a table by base id, ascending. Throws `NotFound` for an unknown table. */
  roots(tableId: number): ReadonlyMap<bigint, ShardId> {
    return this.#rootsOf(tableId).roots;
  }

  /** The shape of the tree for the keys from a base id on. Throws `NotFound`. */
  template(tableId: number, baseId: bigint): Template {
    return templateOfTree(this.#tree(tableId, baseId));
  }

  /** Whether any shard of that tree takes writes or is read. Throws `NotFound`. */
  holds(tableId: number, baseId: bigint): boolean {
    return concreteLeaves(this.#tree(tableId, baseId)).some(({ read, write }) => read === 'allow' || write === 'allow');
  }

  /** Undefined if nothing would change. Throws `InvalidArgument` for trees that do not cover the same keys, and `FailedPrecondition` if there is nothing to copy from or a shard is shared with keys that do not move. */
  plan(tableId: number, bases: readonly bigint[], wanted: readonly WantedTree[]): MigrationPlan | undefined {
    const table = this.topology.table(tableId);
    const { bases: all, places } = this.#rootsOf(tableId);
    const sortedBases = [...bases].sort(ascending);
    const first = places.get(sortedBases[0]!);
    if (first === undefined || sortedBases.some((base, i) => all[first + i] !== base))
      throw invalid(`table ${tableId} does not forward ${sortedBases.join(', ')} one after the other`);
    const end = all[first + sortedBases.length] ?? keyHash(table.hash).maxHash + 1n;
    const goals = [...wanted].sort((a, b) => ascending(a.baseId, b.baseId));
    if (
      goals[0]?.baseId !== sortedBases[0] ||
      goals.some(({ baseId }, i) => baseId >= end || (i > 0 && baseId === goals[i - 1]!.baseId))
    ) {
      throw invalid(
        `the new trees of table ${tableId} must begin at ${sortedBases[0]}, end before ${end} and differ in their bases`,
      );
    }
    const froms = sortedBases.map((baseId): From => {
      const tree = this.#tree(tableId, baseId);
      return { baseId, tree, leaves: concreteLeaves(tree) };
    });
    this.#refuseShared(froms);
    const old = froms.map((from) => printTemplate(templateOfTree(from.tree)));
    const fresh = goals.map((goal) => printTemplate(checkTemplate(goal.template)));
    // A leaf keeps its data only if its tree keeps its keys.
    const same = froms.length === 1 && goals.length === 1 ? froms[0]! : undefined;
    if (same !== undefined && old[0] === fresh[0]) return undefined;

    const stem = stemOf(froms[0]!);
    const tos = goals.map((goal) => wantedTree(goal, same, stem, this.#names));
    if (
      tos.some((to) => to.leaves.every(({ write }) => write === 'ignore')) &&
      froms.some(({ leaves }) => leaves.some(({ write }) => write !== 'ignore'))
    ) {
      throw new RoostError(
        'FailedPrecondition',
        `no shard of ${fresh.join(' + ')} holds data: the rows of these keys would be lost`,
        { fields: { table: tableId, base: sortedBases[0]! } },
      );
    }
    const cuts = [...new Set([...sortedBases, ...goals.map(({ baseId }) => baseId)])].sort(ascending);
    const intervals = cuts.map((baseId, i): Interval => {
      const from = froms.findLast((one) => one.baseId <= baseId)!;
      const stage =
        replicates(from.tree) && from.baseId === baseId
          ? from.tree.shard
          : routingNode('replicating', this.#names.free({ hostname: routingHost, tablePrefix: `${stem}_root` }));
      return { baseId, end: cuts[i + 1] ?? end, from, to: tos.findLast((one) => one.baseId <= baseId)!, stage };
    });
    const verb = goals.length > froms.length ? 'split' : goals.length < froms.length ? 'merge' : 'transform';
    return {
      title: `${verb} table ${tableId} (${table.name}) from ${cuts[0]}: ${old.join(' + ')} → ${fresh.join(' + ')}`,
      basis: {
        tableId,
        part: partOfTopology(froms.map(({ baseId, tree }) => ({ tableId, baseId, tree }))),
        end: all[first + sortedBases.length],
      },
      ...planSteps(tableId, table.hash, froms, tos, intervals),
    };
  }

  #rootsOf(tableId: number): TableRoots {
    let found = this.#tables.get(tableId);
    if (found === undefined) {
      this.topology.table(tableId);
      const forwardings = this.topology.state.forwardings
        .filter((one) => one.tableId === tableId)
        .sort((a, b) => ascending(a.baseId, b.baseId));
      const bases = forwardings.map(({ baseId }) => baseId);
      found = {
        roots: new Map(forwardings.map(({ baseId, shard }) => [baseId, shard])),
        bases,
        places: new Map(bases.map((base, i) => [base, i])),
      };
      this.#tables.set(tableId, found);
    }
    return found;
  }

  #tree(tableId: number, baseId: bigint): ConcreteTree {
    const root = this.roots(tableId).get(baseId);
    if (root === undefined)
      throw new RoostError('NotFound', `table ${tableId} has no forwarding at ${baseId}`, {
        fields: { table: tableId, base: baseId },
      });
    return concreteTree(this.topology, root);
  }

  /** A shard that other keys use cannot be moved with these alone. */
  #refuseShared(froms: readonly From[]): void {
    const seen = new Set<string>();
    const visit = ({ shard, children }: ConcreteTree, users: number): void => {
      const key = shardKey(shard.id);
      if (seen.has(key) || this.topology.parents(shard.id).length + (this.#users.get(key) ?? 0) !== users) {
        throw new RoostError(
          'FailedPrecondition',
          `shard ${key} belongs to other keys too, and cannot be moved with these alone`,
          { fields: { shard: key } },
        );
      }
      seen.add(key);
      for (const child of children) visit(child, 1);
    };
    for (const from of froms) visit(from.tree, 1);
  }
}

function planSteps(
  tableId: number,
  hash: string,
  froms: readonly From[],
  tos: readonly To[],
  intervals: readonly Interval[],
): Omit<MigrationPlan, 'title' | 'basis'> {
  const before = partOfTopology(froms.map(({ baseId, tree }) => ({ tableId, baseId, tree })));
  const staged = partOfTopology(
    intervals.map((interval) => ({ tableId, baseId: interval.baseId, tree: stagedTree(interval) })),
  );
  const settled = partOfTopology(
    intervals.map((interval) => ({ tableId, baseId: interval.baseId, tree: settledTree(interval) })),
  );
  const after = partOfTopology(
    tos.map((to) => ({
      tableId,
      baseId: to.baseId,
      tree: finalTree(to, intervals.find((interval) => interval.to === to)!.stage),
    })),
  );
  const change = (
    phase: PlannedStep['phase'],
    title: string,
    precondition: string,
    from: typeof before,
    to: typeof before,
  ): PlannedStep[] => {
    const changes = changesBetween(from, to);
    return changes.length === 0
      ? []
      : [
          {
            phase,
            title,
            precondition,
            action: { kind: 'change', changes },
            inverse: { kind: 'change', changes: changesBetween(to, from) },
          },
        ];
  };
  const nothing = { kind: 'nothing' } as const;
  const moves = intervals.filter(({ to }) => to.filled.length > 0).map((interval) => moveOf(interval, hash, intervals));
  const newTables = unique(tos.flatMap((to) => to.filled)).filter(
    (shard) => !before.shards.some((one) => shardKey(one.id) === shardKey(shard.id)),
  );
  const kept = new Set(tos.flatMap((to) => to.leaves.map((leaf) => shardKey(leaf.shard.id))));
  const dropped = unique(froms.flatMap((from) => from.leaves.map((leaf) => leaf.shard))).filter(
    (shard) => !kept.has(shardKey(shard.id)),
  );
  const rescues = intervals.flatMap((interval) => rescueOf(interval, dropped, hash, intervals));

  const steps: PlannedStep[] = [
    ...(newTables.length === 0
      ? []
      : [
          {
            phase: 'prepare',
            title: `make the tables of ${keys(newTables)}`,
            precondition: 'the hosts answer, have room, and hold no tables of these names',
            action: { kind: 'createTables', shards: newTables },
            inverse: { kind: 'dropTables', shards: newTables },
          } as const,
        ]),
    ...change(
      'prepare',
      moves.length === 0 ? 'link what is new' : 'write to the new shards too, and read from the old ones',
      'the tables are there',
      before,
      staged,
    ),
    ...moves.map((spec): PlannedStep => ({
      phase: 'copy',
      title: `copy ${keys(spec.sources.slice(0, 1))} to ${keys(spec.targets)}${rangeText(spec.range)}`,
      precondition: 'every server writes to both',
      action: { kind: 'copy', spec: { ...spec, kind: 'copy' } },
      inverse: nothing,
    })),
    ...moves.map((spec): PlannedStep => ({
      phase: 'verify',
      title: `compare ${keys(spec.targets)} with ${keys(spec.sources)}, row by row${rangeText(spec.range)}`,
      precondition: 'the copy is complete',
      action: { kind: 'verify', spec },
      inverse: nothing,
    })),
    ...change(
      'settle',
      'read from the new shards, and write to the old ones too',
      moves.length === 0 ? 'nothing has to be copied' : 'the last comparison found nothing missing',
      staged,
      settled,
    ),
    ...change('cleanup', 'take the old shards out of the trees', 'the new shards serve as they should', settled, after),
    ...(dropped.length === 0
      ? []
      : [
          {
            phase: 'cleanup',
            title: `rename the tables of ${keys(dropped)}, so that nothing can write to them`,
            precondition: 'every server has let go of them',
            action: { kind: 'retire', shards: dropped },
            inverse: nothing,
          } as const,
        ]),
    ...rescues.map((spec): PlannedStep => ({
      phase: 'cleanup',
      title: `look for rows of ${keys(spec.sources)} that are not in ${keys(spec.targets)}${rangeText(spec.range)}`,
      precondition: 'nothing can write to the old tables',
      action: { kind: 'verify', spec },
      inverse: nothing,
    })),
    ...(dropped.length === 0
      ? []
      : [
          {
            phase: 'cleanup',
            title: `set the tables of ${keys(dropped)} aside`,
            precondition: 'the new shards hold every row of them',
            action: { kind: 'dropTables', shards: dropped.map(retired) },
            inverse: nothing,
          } as const,
        ]),
  ];
  return {
    steps,
    shards: unique([...before.shards, ...staged.shards, ...settled.shards, ...after.shards]).map((shard) => shard.id),
    sources: unique(froms.flatMap(sourcesOf)),
    created: newTables,
    dropped,
  };
}

/** The old tree, with the leaves that are being filled beside it, written and not read; including leaves that it holds but does not write. */
function stagedTree({ from, to, stage }: Interval): ConcreteTree {
  const written = new Set(from.leaves.filter((leaf) => leaf.write === 'allow').map((leaf) => shardKey(leaf.shard.id)));
  const fresh = to.filled.filter((shard) => !written.has(shardKey(shard.id)));
  return beside(stage, prune(from.tree, new Set(fresh.map((shard) => shardKey(shard.id)))), fresh);
}

/** The new tree, with the leaves that a rollback needs beside it, written and not read. */
function settledTree({ from, to, stage }: Interval): ConcreteTree {
  const old = from.leaves.filter((leaf) => leaf.write !== 'ignore').map((leaf) => leaf.shard);
  const inOld = new Set(old.map((shard) => shardKey(shard.id)));
  const skipped = to.leaves.filter((leaf) => leaf.write === 'ignore' && inOld.has(shardKey(leaf.shard.id)));
  const tree = prune(to.tree, new Set(skipped.map((leaf) => shardKey(leaf.shard.id))));
  const present = new Set(tree === undefined ? [] : concreteLeaves(tree).map((leaf) => shardKey(leaf.shard.id)));
  return beside(
    stage,
    tree,
    old.filter((shard) => !present.has(shardKey(shard.id))),
  );
}

/** A tree below a stage, which replaces a replicating root, and leaves of weight 0. */
const beside = (stage: ShardInfo, tree: ConcreteTree | undefined, leaves: readonly ShardInfo[]): ConcreteTree => ({
  shard: stage,
  weight: 1,
  children: [
    ...(tree === undefined ? [] : replicates(tree) ? tree.children : [tree]),
    ...leaves.map((shard) => ({ shard, weight: 0, children: [] })),
  ],
});

const finalTree = ({ tree }: To, stage: ShardInfo): ConcreteTree =>
  replicates(tree) ? { ...tree, shard: stage } : tree;

/** The tree without some leaves, and without nodes that become empty. */
function prune(tree: ConcreteTree, leaves: ReadonlySet<string>): ConcreteTree | undefined {
  if (leaves.size === 0) return tree;
  if (nodeType(tree.shard.type) === undefined) return leaves.has(shardKey(tree.shard.id)) ? undefined : tree;
  const children = tree.children.map((child) => prune(child, leaves)).filter((child) => child !== undefined);
  return children.length === 0 && tree.children.length > 0 ? undefined : { ...tree, children };
}

const replicates = (tree: ConcreteTree): boolean => nodeType(tree.shard.type)?.replicates === true;

function moveOf(interval: Interval, hash: string, intervals: readonly Interval[]): MoveSpec {
  const sources = sourcesOf(interval.from).filter(
    (source) => !interval.to.filled.some((target) => shardKey(target.id) === shardKey(source.id)),
  );
  if (sources.length === 0) {
    const root = shardKey(interval.from.tree.shard.id);
    throw new RoostError('FailedPrecondition', `there is no shard to copy from: none below ${root} is read`, {
      fields: { shard: root },
    });
  }
  const range = rangeOf(interval, hash, intervals);
  return { kind: 'verify', sources, targets: interval.to.filled, ...(range === undefined ? {} : { range }) };
}

/** Copies the content of shards that go into shards that stay. */
function rescueOf(
  interval: Interval,
  dropped: readonly ShardInfo[],
  hash: string,
  intervals: readonly Interval[],
): MoveSpec[] {
  const gone = new Set(dropped.map((shard) => shardKey(shard.id)));
  const sources = interval.from.leaves
    .filter((leaf) => leaf.write !== 'ignore' && gone.has(shardKey(leaf.shard.id)))
    .map((leaf) => retired(leaf.shard));
  const targets = interval.to.leaves.filter((leaf) => leaf.write !== 'ignore').map((leaf) => leaf.shard);
  const range = rangeOf(interval, hash, intervals);
  return sources.length === 0 || targets.length === 0
    ? []
    : [{ kind: 'verify', sources, targets, ...(range === undefined ? {} : { range }) }];
}

/** Absent if the old tree's keys all go the same way. */
const rangeOf = (interval: Interval, hash: string, intervals: readonly Interval[]): HashRange | undefined =>
  intervals.filter((one) => one.from === interval.from).length === 1
    ? undefined
    : { hash, from: interval.baseId, to: interval.end };

/** Leaves that hold everything: those read and written. Without any, those read: writes that they refuse wait for them. */
function sourcesOf(from: From): ShardInfo[] {
  const whole = from.leaves.filter((leaf) => leaf.read === 'allow' && leaf.write === 'allow');
  return (whole.length > 0 ? whole : from.leaves.filter((leaf) => leaf.read === 'allow')).map((leaf) => leaf.shard);
}

/** Names the shards of a template. Existing leaves keep their names. */
function wantedTree({ baseId, template }: WantedTree, same: From | undefined, stem: string, names: ShardNames): To {
  checkTemplate(template);
  const known = new Map(
    (same?.leaves ?? []).map(({ shard, read, write }) => [
      leafIdentity(templateOfTree({ shard, weight: 1, children: [] })),
      { shard, whole: read === 'allow' && write !== 'ignore' },
    ]),
  );
  const leafPrefix = names.freeEverywhere(
    stem,
    leavesOf(template)
      .filter((leaf) => !known.has(leafIdentity(leaf)))
      .map((leaf) => leaf.host!),
  );
  const filled: ShardInfo[] = [];
  const name = (node: Template): ConcreteTree => {
    if (node.host === undefined) {
      const replicating = nodeType(node.type)!.replicates;
      const shard = routingNode(
        node.type,
        names.free({ hostname: routingHost, tablePrefix: `${stem}_${replicating ? 'root' : node.type}` }),
      );
      return { shard, weight: node.weight, children: node.children.map(name) };
    }
    const existing = known.get(leafIdentity(node));
    const shard: ShardInfo = existing?.shard ?? {
      id: { hostname: node.host, tablePrefix: leafPrefix },
      type: node.type,
      attributes: node.attributes,
      busy: 'normal',
    };
    return { shard, weight: node.weight, children: [] };
  };
  const tree = name({ ...template, weight: 1 });
  const leaves = concreteLeaves(tree);
  const whole = new Set([...known.values()].filter((leaf) => leaf.whole).map(({ shard }) => shardKey(shard.id)));
  for (const { shard, write } of leaves) if (write !== 'ignore' && !whole.has(shardKey(shard.id))) filled.push(shard);
  return { baseId, tree, leaves, filled };
}

const routingNode = (type: string, id: ShardId): ShardInfo => ({
  id,
  type,
  attributes: {},
  busy: 'normal',
});

/** The common stem of a tree's names, without the generation that an earlier migration added. */
const stemOf = (from: From): string =>
  (from.leaves[0]?.shard ?? from.tree.shard).id.tablePrefix.replace(/_v\d+$/, '').slice(0, maxBaseLength);

function unique(shards: readonly ShardInfo[]): ShardInfo[] {
  return [...new Map(shards.map((shard) => [shardKey(shard.id), shard])).values()];
}

const keys = (shards: readonly ShardInfo[]): string => shards.map((shard) => shardKey(shard.id)).join(', ');
const rangeText = (range: HashRange | undefined): string =>
  range === undefined ? '' : ` (hashes ${range.from} … ${range.to - 1n})`;
const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);
