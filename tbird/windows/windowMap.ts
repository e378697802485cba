import type { Route, ShardId, Topology } from '../../gizzard/index.js';
import { windowOf, type TimeWindow } from './timeWindows.js';

/** The number of the table of tweets. Graphs are numbered from 1 up. */
export const tweetsTableId = 1_500_000_000;
export const tweetsTableName = 'tweets';
/** The service that owns it. */
export const tbirdService = 'tbird';

/** Where ids are forwarded whose window is not there: a tree that refuses reads and writes, so that they never fall to the window before. */
export const missingRoot: ShardId = { hostname: 'localhost', tablePrefix: 'tweets_missing' };

/** Where ids are forwarded whose window was dropped by the retention: what still waits to be written there comes to its end, and is not kept. */
export const expiredRoot: ShardId = { hostname: 'localhost', tablePrefix: 'tweets_expired' };

export const isExpiredRoot = ({ tablePrefix, hostname }: ShardId): boolean =>
  tablePrefix === expiredRoot.tablePrefix && hostname === expiredRoot.hostname;
const isNone = ({ hostname, tablePrefix }: ShardId): boolean =>
  [missingRoot, expiredRoot].some((root) => root.tablePrefix === tablePrefix && root.hostname === hostname);

export const isMissing = ({ root: { id } }: Pick<Route, 'root'>): boolean => isNone(id);

/** A window that is there. */
export interface StoredWindow extends TimeWindow {
  /** Its stripes, in the order of their bases. */
  readonly stripes: readonly { readonly baseId: bigint; readonly root: ShardId }[];
}

const known = new WeakMap<Topology, readonly StoredWindow[]>();

/** Returns the windows of a topology, oldest first; they are computed once for each topology. */
export function storedWindows(topology: Topology, windowMs: number): readonly StoredWindow[] {
  const before = known.get(topology);
  if (before !== undefined) return before;
  const byStart = new Map<number, { window: TimeWindow; stripes: { baseId: bigint; root: ShardId }[] }>();
  for (const { tableId, baseId, shard } of topology.state.forwardings) {
    if (tableId !== tweetsTableId || isNone(shard)) continue;
    const window = windowOf(baseId, windowMs);
    const found = byStart.get(window.startMs) ?? { window, stripes: [] };
    byStart.set(window.startMs, found);
    found.stripes.push({ baseId, root: shard });
  }
  const windows = [...byStart.values()]
    .map(({ window, stripes }) => ({ ...window, stripes: stripes.sort((a, b) => (a.baseId < b.baseId ? -1 : 1)) }))
    .sort((a, b) => a.startMs - b.startMs);
  known.set(topology, windows);
  return windows;
}

const keptBy = new WeakMap<Topology, bigint>();

/** The first id whose window was not dropped, or may still be made: entries of the indexes below it are of tweets that are gone. No clock is asked. */
export function firstKeptId(topology: Topology): bigint {
  const before = keptBy.get(topology);
  if (before !== undefined) return before;
  const bases = topology.state.forwardings
    .filter(({ tableId }) => tableId === tweetsTableId)
    .sort((a, b) => (a.baseId < b.baseId ? -1 : 1));
  const kept = bases.find(({ shard }) => !isExpiredRoot(shard))?.baseId ?? 0n;
  keptBy.set(topology, kept);
  return kept;
}
