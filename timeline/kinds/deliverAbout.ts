import { limits, type Deadline } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import type { FollowUp } from '../../gizzard/index.js';
import { until, type ReadOptions, type Tweet } from '../../wire/index.js';
import { activityEntry, objectAt } from '../activity/activityEntry.js';
import { activityName, type ActivityStores } from '../activity/activityJob.js';
import { activityOfTweet, authorsOfOriginals } from '../activity/activityOfTweets.js';
import type { ActivitySource } from '../activity/activitySource.js';
import { keyBytes, type TimelineEntry } from '../entry.js';
import type { Delivery } from '../home/deliveryPayload.js';
import { homeEntry } from '../home/homeEntry.js';
import { writeOf } from '../jobs/timelinePayload.js';
import { blockedWith } from './blockedWith.js';

/** Activity on a tweet that may be there before it. */
const earlyActivity = 100;

/**
 * Brings a tweet into the timelines that are not of those who follow its author, or takes it out of them: the author's own, the mentions of those whom it names, and the activity of those whom it answers, repeats
 * or names. What is done to a tweet goes and comes back with it.
 */
export async function deliverAbout(
  tweet: Tweet,
  op: Delivery['op'],
  stores: ActivityStores & { readonly source: ActivitySource },
  deadline: Deadline,
): Promise<FollowUp[]> {
  const { flock, tbird, timelines, source } = stores;
  const { mentions, blocks } = stores.graphs();
  const { id, userId } = tweet;
  const options = (): ReadOptions => until(deadline);
  const name = activityName(userId);
  const [named, authors, kept] = await Promise.all([
    namedBy(flock, mentions, id, options()),
    authorsOfOriginals(tbird, [tweet], options()),
    timelines.floors([name], deadline),
  ]);
  const others = new Set([...named, ...authors.values()]);
  others.delete(userId);
  const blocked = await blockedWith(flock, blocks, userId, others, options());
  const write = (prefix: string, ids: readonly bigint[], entry: TimelineEntry): FollowUp[] => {
    if (ids.length === 0) return [];
    if (op !== 'restore') return [writeOf({ op, prefix, entry, ids: BigInt64Array.from(ids) })];
    // Only a merge brings back what was removed.
    return ids.map((to) => writeOf({ op: 'merge', name: `${prefix}${to}`, entries: [entry] }));
  };
  const reached = (users: Iterable<bigint>) => [...users].filter((user) => op === 'remove' || !blocked.has(user));
  const writes = [
    ...write('user:', [userId], homeEntry(tweet)),
    ...write('mentions:', reached(named), homeEntry(tweet)),
    ...reached(others).flatMap((user) => {
      const activity = activityOfTweet(tweet, user, authors, named.includes(user));
      return activity === undefined ? [] : write('activity:', [user], activityEntry(activity));
    }),
  ];
  if (!kept.has(name)) return writes;
  if (op === 'remove') return [...writes, writeOf({ op: 'withdraw', name, at: objectAt, bytes: keyBytes(id) })];
  // It is rebuilt when it is read.
  if (op === 'restore') return [...writes, writeOf({ op: 'delete', name })];
  // Whoever was quick has answered or marked the tweet before it was stored.
  const { activity } = await source.onTweets(userId, [id], { count: earlyActivity }, options());
  if (activity.length === 0) return writes;
  return [...writes, writeOf({ op: 'merge', name, entries: activity.map(activityEntry) })];
}

async function namedBy(
  flock: Flock,
  mentions: number | undefined,
  tweetId: bigint,
  options: ReadOptions,
): Promise<readonly bigint[]> {
  if (mentions === undefined) return [];
  const term = { graphId: mentions, sourceId: tweetId, direction: 'backward', states: ['normal'] } as const;
  return [...(await flock.select({ kind: 'term', term }, { count: limits.pageSize, cursor: -1n }, options)).ids];
}
