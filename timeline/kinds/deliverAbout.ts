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
import { ifLive } from '../jobs/secondLook.js';
import { writeOf } from '../jobs/timelinePayload.js';
import { blockedWith } from './blockedWith.js';

/** Activity on a tweet that may precede its delivery. */
const earlyActivity = 100;

/**
 * Adds a tweet to the timelines of others than its author's followers, or removes it: the author's own, the mentions
 * of those whom it mentions, and the activity of those whom it answers, retweets or mentions. Activity on a tweet
 * goes and returns with it.
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
    const to = { prefix, entry, ids: BigInt64Array.from(ids) };
    if (op === 'restore') return [writeOf({ op, ...to, least: 0 })];
    return [writeOf({ op: op === 'push' ? op : 'retract', ...to })];
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
  if (op === 'remove') {
    const again = ifLive(id, { op: 'delete', name });
    return [...writes, writeOf({ op: 'withdraw', name, at: objectAt, bytes: keyBytes(id), again })];
  }
  // The next read rebuilds it.
  if (op === 'restore') return [...writes, writeOf({ op: 'delete', name })];
  // A quick user may have answered or favorited the tweet before it was applied.
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
