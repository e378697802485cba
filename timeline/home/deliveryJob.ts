import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError, type Deadline } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import type { ClusterJobType, FollowUp } from '../../gizzard/index.js';
import type { Tbird } from '../../tbird/index.js';
import type { Tweet } from '../../wire/index.js';
import { encodeTimelineWrite, timelineJobKind, type TimelineWrite } from '../jobs/timelinePayload.js';
import { audienceOf, type TimelineGraphs } from './audience.js';
import { decodeDelivery, deliveryJobKind, encodeDelivery, firstCursor, type Delivery } from './deliveryPayload.js';
import { homeEntry } from './homeEntry.js';
import { homeName, homePrefix } from './homeTimelines.js';

/** Readers that one step of a delivery reaches. */
const readersAtOnce = 4_000;
/** Looks for a tweet that is not there, and the pause after the first; each pause is twice as long. */
const looks = 6;
const firstLookMs = 2;

/**
 * Brings a tweet into the home timelines of those who get it, or takes it out of them: a step reads a page of readers, and journals the pushes to their timelines and the next step. Later steps go
 * by the low queue, so that an author with few followers never waits behind one with millions.
 */
export const deliveryJob = (tbird: Tbird, flock: Flock, graphs: () => TimelineGraphs): ClusterJobType => ({
  kind: deliveryJobKind,
  check(payload) {
    const { tweetId } = decodeDelivery(payload);
    if (tweetId < 0n) throw new RoostError('InvalidArgument', `ids are from 0 to 2^63 − 1, not ${tweetId}`);
  },
  async run(payload, deadline) {
    const delivery = decodeDelivery(payload);
    const { op, tweetId, cursor } = delivery;
    const tweet = await stored(tbird, tweetId, deadline);
    // What deletes or restores it has its own delivery.
    if ((op === 'remove') !== (tweet.deletedAt !== undefined)) return [];
    const options = { deadlineMs: leftMs(deadline) };
    const page = await flock.select(audienceOf(tweet, graphs()), { count: readersAtOnce, cursor }, options);
    const entry = homeEntry(tweet);
    const writesTo = (ids: BigInt64Array): FollowUp[] => {
      if (ids.length === 0) return [];
      if (op !== 'restore') return [writeOf({ op, prefix: homePrefix, entry, ids })];
      // Only a merge brings back what was removed.
      return Array.from(ids, (id) => writeOf({ op: 'merge', name: homeName(id), entries: [entry] }));
    };
    return [
      ...(cursor === firstCursor ? writesTo(BigInt64Array.of(tweet.userId)) : []),
      ...writesTo(page.ids),
      ...(page.nextCursor === 0n ? [] : [nextStep({ ...delivery, cursor: page.nextCursor })]),
    ];
  },
});

/** A tweet, whose delivery was journalled with it and may be here first. Throws `Unavailable` where it is not stored yet. */
async function stored(tbird: Tbird, tweetId: bigint, deadline: Deadline): Promise<Tweet> {
  for (let look = 0; ; look++) {
    const [tweet] = await tbird.get(BigInt64Array.of(tweetId), { deadlineMs: leftMs(deadline), deleted: true });
    if (tweet !== undefined) return tweet;
    if (look === looks || deadline.passed)
      throw new RoostError('Unavailable', `tweet ${tweetId} is not stored yet: its delivery waits`, {
        fields: { tweet: tweetId },
      });
    await sleep(firstLookMs << look);
  }
}

const leftMs = (deadline: Deadline): number => Math.max(1, Math.floor(deadline.remainingMs()));

const writeOf = (write: TimelineWrite): FollowUp => ({ kind: timelineJobKind, payload: encodeTimelineWrite(write) });

const nextStep = (delivery: Delivery): FollowUp => ({
  kind: deliveryJobKind,
  payload: encodeDelivery(delivery),
  priority: 'low',
});
