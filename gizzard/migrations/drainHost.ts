import { RoostError } from '../../core/index.js';
import { nodeType } from '../nodes/index.js';
import type { Change } from '../topology/changes.js';
import type { Topology } from '../topology/topology.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import { leavesPerHost, placesOf, plansFor } from './planRequests.js';
import type { MigrationPlanner } from './planMigration.js';
import type { MigrationPlan } from './steps.js';
import { leavesOf, type Template } from './template.js';

export interface HostDrain {
  /** One migration for each tree with data on the host. */
  readonly plans: readonly MigrationPlan[];
  /** Changes that move leaves that never hold data to other hosts; nothing is copied for them. */
  readonly changes: readonly Change[];
  /** These leaves, as they are now. */
  readonly empty: readonly ShardInfo[];
}

/**
 * Plans to move every leaf of a host to the one of `others` with the fewest leaves and none of the same tree.
 * Everything else stays. Throws `FailedPrecondition` if a tree has a leaf on every host already.
 */
export function drainHost(planner: MigrationPlanner, hostname: string, others: readonly string[]): HostDrain {
  const { topology } = planner;
  const places = placesOf(
    planner,
    topology.tables.map(({ tableId }) => tableId),
  );
  const templates = places.map(({ tableId, baseId }) => planner.template(tableId, baseId));
  const load = leavesPerHost(templates);
  const target = (used: ReadonlySet<string>, where: string): string => {
    const [free] = others.filter((host) => !used.has(host)).sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0));
    if (free === undefined) {
      throw new RoostError(
        'FailedPrecondition',
        `${where} has a copy on each of ${[...used].sort().join(', ')}: there is no other host for the copy on ${hostname}. Add a host first, or give the tree fewer copies`,
        { fields: { host: hostname } },
      );
    }
    load.set(free, (load.get(free) ?? 0) + 1);
    return free;
  };
  const concerned = places.flatMap((place, i) => {
    const template = templates[i]!;
    const used = new Set(leavesOf(template).map(({ host }) => host!));
    if (!used.has(hostname) || !planner.holds(place.tableId, place.baseId)) return [];
    const move = (node: Template): Template => {
      if (node.host !== hostname) return { ...node, children: node.children.map(move) };
      const host = target(used, `the tree of table ${place.tableId} at ${place.baseId}`);
      used.add(host);
      return { ...node, host };
    };
    return [{ place, shape: move(template) }];
  });
  const plans = plansFor(
    planner,
    concerned.map(({ place }) => place),
    concerned.map(({ shape }) => shape),
  );
  return {
    plans,
    ...emptyLeaves(topology, hostname, new Set(plans.flatMap((plan) => plan.shards.map(shardKey))), target),
  };
}

/** Leaves below trees that hold no data, such as the tree for windows that do not exist. */
function emptyLeaves(
  topology: Topology,
  hostname: string,
  planned: ReadonlySet<string>,
  target: (used: ReadonlySet<string>, where: string) => string,
): Pick<HostDrain, 'changes' | 'empty'> {
  const empty = topology.state.shards.filter(
    ({ id, type }) =>
      id.hostname === hostname &&
      nodeType(type) === undefined &&
      !planned.has(shardKey(id)) &&
      topology
        .parents(id)
        .some(({ parent }) =>
          topology.routeOf(parent).leaves.every(({ read, write }) => read !== 'allow' && write !== 'allow'),
        ),
  );
  const changes = empty.flatMap((shard): Change[] => {
    const parents = topology.parents(shard.id);
    const used = new Set([
      hostname,
      ...parents.flatMap(({ parent }) => topology.children(parent).map(({ child }) => child.hostname)),
    ]);
    const id = { ...shard.id, hostname: target(used, shardKey(shard.id)) };
    return [
      { kind: 'createShard', shard: { ...shard, id } },
      ...parents.flatMap(({ parent, weight }): Change[] => [
        { kind: 'addLink', link: { parent, child: id, weight } },
        { kind: 'removeLink', parent, child: shard.id },
      ]),
      { kind: 'deleteShard', id: shard.id },
    ];
  });
  return { changes, empty };
}
