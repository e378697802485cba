import { RoostError } from '../../core/index.js';
import { keyHash } from '../hashes/index.js';
import type { Topology } from '../topology/topology.js';
import { shardKey, type ShardId } from '../topology/types.js';
import { concreteLeaves, concreteTree, partOfTopology, templateOfTree, type ConcreteTree } from './concreteTree.js';
import { planSteps } from './planSteps.js';
import { ShardNames } from './shardNames.js';
import type { MigrationPlan } from './steps.js';
import { replicates, type From, type Interval } from './stagedTrees.js';
import { routingHost, routingNode, stemOf, wantedTree, type WantedTree } from './wantedTree.js';
import { checkTemplate, printTemplate, type Template } from './template.js';

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

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);
