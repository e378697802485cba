import type { Deadline } from '../../core/index.js';
import { until } from '../../wire/index.js';
import { keyOf, newestFirst, type TimelineEntry } from '../entry.js';
import type { PageTweets } from '../pages/pageTweets.js';
import { firstStep, noStep, type TimelineKind } from '../pages/timelineKind.js';

/** The newest entries of a timeline from its sources, by key. */
export interface TimelineMerge {
  /** All entries that a list may hold, down to the floor. */
  readonly all: ReadonlyMap<bigint, TimelineEntry>;
  /** The entries among them that it must hold. */
  readonly due: ReadonlySet<bigint>;
  /** Below this key the merge may be incomplete; undefined if it is complete. */
  readonly floor: bigint | undefined;
}

/** Merges the sources as a rebuild would. */
export async function timelineMerge<Item>(
  kind: TimelineKind<Item>,
  userId: bigint,
  keep: number,
  tweets: PageTweets,
  deadline: Deadline,
): Promise<TimelineMerge> {
  const all = new Map<bigint, TimelineEntry>();
  let floor: bigint | undefined;
  let cursor = firstStep;
  do {
    const step = await kind.fill(userId, cursor, keep, until(deadline));
    for (const entry of step.entries) all.set(keyOf(entry), entry);
    const last = [...all.keys()].sort(newestFirst)[keep - 1];
    for (const key of [step.floor, last]) if (key !== undefined && (floor === undefined || key > floor)) floor = key;
    for (const key of all.keys()) if (floor !== undefined && key < floor) all.delete(key);
    cursor = step.nextCursor;
  } while (cursor !== noStep);
  const items = [...all].sort(([a], [b]) => newestFirst(a, b)).flatMap(([, entry]) => kind.itemOf(entry) ?? []);
  const options = until(deadline);
  const due = await (kind.due?.(userId, items, tweets, options) ??
    kind.shown(userId, items, { older: [], pulled: [], tweets }, options));
  return { all, due: new Set(due.map((item) => kind.idOf(item))), floor };
}
