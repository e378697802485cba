import { setTimeout as sleep } from 'node:timers/promises';
import { limits, RoostError, type Deadline } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import type { ClusterJobType, FollowUp } from '../../gizzard/index.js';
import type { Tbird } from '../../tbird/index.js';
import { until, type ReadOptions, type Tweet } from '../../wire/index.js';
import { writeOf } from '../jobs/timelinePayload.js';
import type { StoredGraphs } from '../timelineGraphs.js';
import type { Timelines } from '../timelines.js';
import { audienceOf, type TimelineGraphs } from './audience.js';
import { encodeTerms, type DeliveryCosts } from './deliveryCosts.js';
import { decodeDelivery, deliveryJobKind, encodeDelivery, firstCursor, type Delivery } from './deliveryPayload.js';
import { homeEntry } from './homeEntry.js';
import { homeName, homePrefix } from './homeTimelines.js';

/**
 * Readers that the first step of a delivery reaches: it uses the write's queue, beside those of authors with few
 * followers.
 */
const firstReaders = 500;
/** Readers that each later step reaches. */
const readersAtOnce = 4_000;
/** The journal gives the jobs of one write times within this of each other, in microseconds. */
const sameWriteMicros = BigInt(limits.idsPerCall);
/** Attempts to find a tweet that is not there yet; the pause doubles after each. */
const looks = 6;
const firstLookMs = 2;

/**
 * Brings a tweet into the home timelines of its readers, or removes it from them. A step reads a page of readers, and
 * journals the pushes to their timelines and the next step. Later steps use the low queue, so that an author with few
 * followers never waits behind one with millions.
 *
 * @param about further jobs of the first step
 */
export const deliveryJob = (
  timelines: Timelines,
  costs: DeliveryCosts,
  tbird: Tbird,
  flock: Flock,
  graphs: () => StoredGraphs,
  about: (tweet: Tweet, op: Delivery['op'], deadline: Deadline) => Promise<readonly FollowUp[]>,
): ClusterJobType => ({
  kind: deliveryJobKind,
  derived: true,
  check(payload) {
    const { tweetId } = decodeDelivery(payload);
    if (tweetId < 0n) throw new RoostError('InvalidArgument', `ids are from 0 to 2^63 − 1, not ${tweetId}`);
  },
  async run(payload, deadline) {
    const delivery = decodeDelivery(payload);
    const { op, cursor } = delivery;
    const tweet = await stored(tbird, flock, graphs().byUser, delivery, deadline);
    if (tweet === undefined) return [];
    const options = until(deadline);
    const page = await flock.select(
      audienceOf(tweet, graphs()),
      { count: cursor === firstCursor ? firstReaders : readersAtOnce, cursor },
      options,
    );
    const entry = homeEntry(tweet);
    const first = cursor === firstCursor;
    const least = op === 'remove' ? 0 : await leastReads(timelines, costs, tweet.userId, deadline);
    const writesTo = (ids: BigInt64Array): FollowUp[] => {
      if (ids.length === 0) return [];
      const to = { prefix: homePrefix, entry, ids };
      if (op === 'remove') return [writeOf({ op: 'retract', ...to })];
      return [writeOf({ op: op === 'push' ? 'deliver' : op, least, ...to })];
    };
    return [
      ...(first && op === 'push'
        ? [writeOf({ op: 'posted', name: homeName(tweet.userId), terms: encodeTerms(costs.terms) })]
        : []),
      ...(first ? writesTo(await concerned(flock, graphs(), tweet, options)) : []),
      ...(first ? await about(tweet, op, deadline) : []),
      ...writesTo(page.ids),
      ...(page.nextCursor === 0n ? [] : [nextStep({ ...delivery, cursor: page.nextCursor })]),
    ];
  },
});

/**
 * How often a replica of a timeline must be read for the author's tweets to be pushed. The tweet being delivered
 * counts, though it may be counted already.
 */
export async function leastReads(
  timelines: Timelines,
  costs: DeliveryCosts,
  authorId: bigint,
  deadline: Deadline,
): Promise<number> {
  if (costs.threshold === 0) return 0;
  const { posts } = await timelines.rates(homeName(authorId), deadline);
  return costs.leastReads(Math.max(posts, 1));
}

/**
 * Readers who get a tweet without following everybody concerned: its author, and the user whom it answers if they
 * follow the author.
 */
async function concerned(
  flock: Flock,
  { follows }: TimelineGraphs,
  { userId, replyToUserId }: Tweet,
  options: ReadOptions,
): Promise<BigInt64Array> {
  if (replyToUserId === undefined || replyToUserId === userId) return BigInt64Array.of(userId);
  const [state] = await flock.states(follows, BigInt64Array.of(replyToUserId), BigInt64Array.of(userId), options);
  return state === 'normal' ? BigInt64Array.of(userId, replyToUserId) : BigInt64Array.of(userId);
}

/**
 * The tweet, once its write is applied: the delivery was journaled with it, and may run first. Undefined if a later
 * write, which has its own delivery, has changed it. Tweets in timelines are in their author's index as well, so that
 * a timeline that is created, or takes its author in, after the delivery has read its readers finds the tweet there.
 * Throws `Unavailable` if the write is not applied yet.
 */
async function stored(
  tbird: Tbird,
  flock: Flock,
  byUser: number,
  { op, tweetId, time }: Delivery,
  deadline: Deadline,
): Promise<Tweet | undefined> {
  const ids = BigInt64Array.of(tweetId);
  for (let look = 0; ; look++) {
    const options = until(deadline);
    const [tweet] = await tbird.get(ids, { ...options, deleted: true });
    if (tweet?.deletedAt !== undefined) {
      if (op === 'remove') return tweet;
      if (op === 'push' || tweet.deletedAt >= time) return undefined;
    } else if (op === 'restore' && !(await isRestored(tbird, tweetId, time, options))) {
      // Waits: the tweet is live because not even its deletion is applied, whose removal would then come last.
    } else if (tweet !== undefined && op !== 'remove') {
      const [state] = await flock.states(byUser, BigInt64Array.of(tweet.userId), ids, options);
      if (state !== undefined && state !== 'removed') return tweet;
    }
    if (look === looks || deadline.passed) {
      // A live tweet may have been restored already. Readers do not see deleted ones, and trims remove them.
      if (op === 'remove') return undefined;
      throw new RoostError('Unavailable', `tweet ${tweetId} is not stored yet: its delivery waits`, {
        fields: { tweet: tweetId },
      });
    }
    await sleep(firstLookMs << look);
  }
}

/** Whether the write that restored a tweet, or a later one, is applied. */
async function isRestored(tbird: Tbird, tweetId: bigint, time: bigint, options: ReadOptions): Promise<boolean> {
  const [changedAt] = await tbird.stateTimes(BigInt64Array.of(tweetId), options);
  return changedAt !== undefined && changedAt >= time - sameWriteMicros;
}

const nextStep = (delivery: Delivery): FollowUp => ({
  kind: deliveryJobKind,
  payload: encodeDelivery(delivery),
  priority: 'low',
});
