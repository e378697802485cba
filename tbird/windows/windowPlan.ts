import { isRoostError, RoostError } from '../../core/index.js';
import {
  shardKey,
  type Change,
  type MigrationPlan,
  type MigrationPlanner,
  type ShardId,
  type Template,
  type Topology,
} from '../../gizzard/index.js';
import { ofWindowMs } from '../storage/tweetsAttributes.js';
import { tweetsShardTypeName } from '../storage/tweetsShardType.js';
import { stripeBases, type TimeWindow } from './timeWindows.js';
import {
  expiredRoot,
  missingRoot,
  storedWindows,
  tbirdService,
  tweetsTableId,
  tweetsTableName,
  type StoredWindow,
} from './windowMap.js';
import type { WindowPolicy } from './windowPolicy.js';

/** Where routing nodes are said to live: they hold nothing. */
const routingHost = 'localhost';

/** The changes that make the table, with no window yet: every id is forwarded to where nothing may be read or written. */
export function planTable(topology: Topology, policy: WindowPolicy): Change[] {
  const leaf: ShardId = { hostname: policy.openHosts[0]!, tablePrefix: 'tweets_none' };
  if (topology.tables.some(({ tableId }) => tableId === tweetsTableId)) return [];
  return [
    {
      kind: 'createTable',
      table: { tableId: tweetsTableId, name: tweetsTableName, service: tbirdService, hash: 'identity' },
    },
    {
      kind: 'createShard',
      shard: { id: missingRoot, type: 'blocked', attributes: {}, busy: 'normal' },
    },
    {
      kind: 'createShard',
      shard: {
        id: leaf,
        type: tweetsShardTypeName,
        ...ofWindowMs(policy.windowMs),
        busy: 'normal',
      },
    },
    { kind: 'addLink', link: { parent: missingRoot, child: leaf, weight: 1 } },
    { kind: 'setForwarding', forwarding: { tableId: tweetsTableId, baseId: 0n, shard: missingRoot } },
  ];
}

/** The changes that make some windows; those that are there already stay as they are. A window that is over by `nowMs` goes to the hosts of closed ones. */
export function planWindows(
  topology: Topology,
  policy: WindowPolicy,
  windows: readonly TimeWindow[],
  nowMs: number,
): Change[] {
  const stored = storedWindows(topology, policy.windowMs);
  const there = new Set(stored.map(({ startMs }) => startMs));
  const fresh = [
    ...new Map(windows.filter(({ startMs }) => !there.has(startMs)).map((window) => [window.startMs, window])).values(),
  ];
  if (fresh.length === 0) return [];
  const changes: Change[] = [];
  const added = fresh.map((window): StoredWindow => {
    const hosts = window.endMs <= nowMs ? policy.closedHosts : policy.openHosts;
    const turn = Math.floor(window.startMs / policy.windowMs);
    const stripes = stripeBases(window, policy.stripes).map((baseId, stripe) => {
      const prefix = `tweets_${windowName(window)}_${String(stripe).padStart(3, '0')}`;
      const root: ShardId = { hostname: routingHost, tablePrefix: `${prefix}_root` };
      changes.push({
        kind: 'createShard',
        shard: { id: root, type: 'replicating', attributes: {}, busy: 'normal' },
      });
      for (let replica = 0; replica < policy.replicas; replica++) {
        const id: ShardId = { hostname: hosts[(turn + stripe + replica) % hosts.length]!, tablePrefix: prefix };
        changes.push({
          kind: 'createShard',
          shard: {
            id,
            type: tweetsShardTypeName,
            ...ofWindowMs(policy.windowMs),
            busy: 'normal',
          },
        });
        changes.push({ kind: 'addLink', link: { parent: root, child: id, weight: 1 } });
      }
      return { baseId, root };
    });
    return { ...window, stripes };
  });
  return [...changes, ...forwardingChanges(topology, [...stored, ...added], expiredBefore(topology))];
}

/** The changes that leave these windows, and say of all ids before one that the retention has dropped them. */
export function planExpiry(topology: Topology, left: readonly StoredWindow[], before: bigint): Change[] {
  const known = expiredBefore(topology);
  return [
    ...(topology.hasShard(expiredRoot)
      ? []
      : [
          {
            kind: 'createShard' as const,
            shard: { id: expiredRoot, type: 'blackHole', attributes: {}, busy: 'normal' as const },
          },
        ]),
    ...forwardingChanges(topology, left, before > known ? before : known),
  ];
}

/** The changes that take windows past the retention out of the topology. Their tables stay, for `roll` to drop once no server writes to them. */
export function planRemoval(topology: Topology, policy: WindowPolicy, windows: readonly StoredWindow[]): Change[] {
  const gone = new Set(windows.map(({ startMs }) => startMs));
  const left = storedWindows(topology, policy.windowMs).filter(({ startMs }) => !gone.has(startMs));
  const changes = planExpiry(
    topology,
    left,
    windows.map(({ endId }) => endId).reduce((a, b) => (a > b ? a : b), 0n),
  );
  const remove = (id: ShardId): void => {
    for (const { child } of topology.children(id)) {
      changes.push({ kind: 'removeLink', parent: id, child });
      remove(child);
    }
    changes.push({ kind: 'deleteShard', id });
  };
  for (const { stripes } of windows) for (const { root } of stripes) remove(root);
  return changes;
}

/** The changes that bring a dropped window back, as they are to be kept while it is away: its shards, their links, and the bases of its stripes. */
export function planReturn(topology: Topology, { stripes }: StoredWindow): Change[] {
  const shards = new Set<string>();
  const links: Change[] = [];
  const changes: Change[] = [];
  const add = (id: ShardId): void => {
    if (shards.has(shardKey(id))) return;
    shards.add(shardKey(id));
    changes.push({ kind: 'createShard', shard: { ...topology.shard(id), busy: 'normal' } });
    for (const link of topology.children(id)) {
      links.push({ kind: 'addLink', link });
      add(link.child);
    }
  };
  for (const { root } of stripes) add(root);
  return [
    ...changes,
    ...links,
    ...stripes.map(({ baseId, root }): Change => ({
      kind: 'setForwarding',
      forwarding: { tableId: tweetsTableId, baseId, shard: root },
    })),
  ];
}

/** The changes that make the topology forward to a window again; `tree` is what `planReturn` gave. */
export function planUndrop(
  topology: Topology,
  policy: WindowPolicy,
  window: TimeWindow,
  tree: readonly Change[],
): Change[] {
  const stripes = tree.flatMap((change) =>
    change.kind === 'setForwarding' ? [{ baseId: change.forwarding.baseId, root: change.forwarding.shard }] : [],
  );
  const windows = [...storedWindows(topology, policy.windowMs), { ...window, stripes }];
  return [
    ...tree.filter(({ kind }) => kind !== 'setForwarding'),
    ...forwardingChanges(topology, windows, expiredBefore(topology)),
  ];
}

/** The first id that the retention has not dropped the window of. */
function expiredBefore(topology: Topology): bigint {
  const bases = topology.state.forwardings
    .filter(({ tableId }) => tableId === tweetsTableId)
    .sort((a, b) => (a.baseId < b.baseId ? -1 : 1));
  const last = bases.findLastIndex(({ shard }) => shardKey(shard) === shardKey(expiredRoot));
  return last < 0 ? 0n : bases[last + 1]!.baseId;
}

/**
 * What brings the table's forwardings to these windows: each stripe at its base, and behind each window that is not followed by another one, and before
 * the first, the place of what is missing, or of what is expired. So there is never a gap through which an id could fall into the wrong window.
 */
function forwardingChanges(topology: Topology, windows: readonly StoredWindow[], expired: bigint): Change[] {
  const sorted = [...windows].sort((a, b) => a.startMs - b.startMs);
  const wanted = new Map<bigint, ShardId>();
  const leaveOut = (from: bigint, to: bigint | undefined): void => {
    if (from < expired && from !== to) wanted.set(from, expiredRoot);
    const missing = from > expired ? from : expired;
    if (to === undefined || missing < to) wanted.set(missing, missingRoot);
  };
  let covered = 0n;
  for (const { firstId, endId, startMs, stripes } of sorted) {
    if (firstId < covered || stripes[0]!.baseId !== firstId) {
      throw new RoostError(
        'FailedPrecondition',
        `the window of ${new Date(startMs).toISOString()} overlaps the one before it, or begins late`,
        { fields: { start_ms: startMs } },
      );
    }
    leaveOut(covered, firstId);
    for (const { baseId, root } of stripes) wanted.set(baseId, root);
    covered = endId;
  }
  leaveOut(covered, undefined);
  const there = new Map(
    topology.state.forwardings
      .filter(({ tableId }) => tableId === tweetsTableId)
      .map(({ baseId, shard }) => [baseId, shard]),
  );
  const changes: Change[] = [];
  for (const [baseId, shard] of wanted) {
    const known = there.get(baseId);
    if (known === undefined || shardKey(known) !== shardKey(shard))
      changes.push({ kind: 'setForwarding', forwarding: { tableId: tweetsTableId, baseId, shard } });
  }
  for (const baseId of there.keys())
    if (!wanted.has(baseId)) changes.push({ kind: 'removeForwarding', tableId: tweetsTableId, baseId });
  return changes;
}

/**
 * The plans that bring the stripes of closed windows to the hosts for them, at most `limit`; a copy on one of these stays.
 *
 * @param isReserved shards that are on their way already
 * @param refused hears of a stripe that cannot be moved as it is, as one that an operator has blocked; others are
 */
export function planMoves(
  planner: MigrationPlanner,
  windows: readonly StoredWindow[],
  hosts: readonly string[],
  limit: number,
  isReserved: (shard: ShardId) => boolean,
  refused: (error: RoostError) => void,
): MigrationPlan[] {
  const plans: MigrationPlan[] = [];
  for (const { stripes } of windows) {
    for (const { baseId, root } of stripes) {
      if (plans.length >= limit) return plans;
      const { leaves } = planner.topology.route(tweetsTableId, baseId);
      const used = new Set(leaves.map(({ shard }) => shard.id.hostname));
      if (
        [...used].every((host) => hosts.includes(host)) ||
        [root, ...leaves.map(({ shard }) => shard.id)].some(isReserved)
      )
        continue;
      const free = hosts.filter((host) => !used.has(host));
      const moved = (node: Template): Template => {
        if (node.host === undefined) return { ...node, children: node.children.map(moved) };
        return hosts.includes(node.host) ? node : { ...node, host: free.shift() ?? node.host };
      };
      try {
        const plan = planner.plan(
          tweetsTableId,
          [baseId],
          [{ baseId, template: moved(planner.template(tweetsTableId, baseId)) }],
        );
        if (plan !== undefined) plans.push(plan);
      } catch (error) {
        if (!isRoostError(error, 'FailedPrecondition')) throw error;
        refused(error);
      }
    }
  }
  return plans;
}

/** The start of a window as part of a table's name: 20261120T220000. */
export const windowName = ({ startMs }: Pick<TimeWindow, 'startMs'>): string =>
  new Date(startMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
/** Transformations append to the names of the shards that they make. */
const namePattern = /^tweets_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)_\d{3}(?:_\w+)?$/;

/** When the window of a table began, by the prefix that `planWindows` gave it; undefined for any other. */
export function windowStartOf(prefix: string): number | undefined {
  const [, year, month, day, hour, minute, second] = namePattern.exec(prefix) ?? [];
  return year === undefined
    ? undefined
    : Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}
