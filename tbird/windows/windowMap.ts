import type { Route, ShardId, Topology } from '../../gizzard/index.js';
import { shardKey } from '../../gizzard/index.js';
import { windowOf, type TimeWindow } from './timeWindows.js';

/** The number of the table of tweets. Graphs are numbered from 1 up. */
export const tweetsTableId = 1_500_000_000;
export const tweetsTableName = 'tweets';
/** The service that owns it. */
export const tbirdService = 'tbird';

/** Where ids are forwarded whose window is not there: a tree that refuses reads and writes, so that they never fall to the window before. */
export const missingRoot: ShardId = { hostname: 'localhost', tablePrefix: 'tweets_missing' };

export const isMissing = ({ root: { id } }: Route): boolean => id.tablePrefix === missingRoot.tablePrefix && id.hostname === missingRoot.hostname;

/** A window that is there. */
export interface StoredWindow extends TimeWindow {
  /** Its stripes, in the order of their bases. */
  readonly stripes: readonly { readonly baseId: bigint; readonly root: ShardId }[];
}

const known = new WeakMap<Topology, readonly StoredWindow[]>();

/** The windows of a topology, oldest first. Worked out once for each. */
export function storedWindows(topology: Topology, windowMs: number): readonly StoredWindow[] {
  const before = known.get(topology);
  if (before !== undefined) return before;
  const byStart = new Map<number, { window: TimeWindow; stripes: { baseId: bigint; root: ShardId }[] }>();
  const missing = shardKey(missingRoot);
  for (const { tableId, baseId, shard } of topology.state.forwardings) {
    if (tableId !== tweetsTableId || shardKey(shard) === missing) continue;
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
