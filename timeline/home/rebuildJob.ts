import { RoostError } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import { requirePayloadVersion, type ClusterJobType, type FollowUp } from '../../gizzard/index.js';
import type { Tbird } from '../../tbird/index.js';
import { until } from '../../wire/index.js';
import { encodeTimelineWrite, timelineJobKind } from '../jobs/timelinePayload.js';
import type { TimelineGraphs } from './audience.js';
import { followedPage } from './followed.js';
import { homeEntry } from './homeEntry.js';
import { homeName } from './homeTimelines.js';
import { pastTweets } from './pastTweets.js';

export const rebuildJobKind = 'timelines.rebuild';

/** A home timeline that is being filled. */
export interface Rebuild {
  readonly userId: bigint;
  /** The tweets of those whom the reader follows, up to this cursor, are there. */
  readonly cursor: bigint;
}

/** Authors whose tweets one step merges. */
const authorsAtOnce = 2_000;

/* u8 version · i64 user · i64 cursor, little-endian. */
const version = 1;
const bytes = 17;

export function encodeRebuild({ userId, cursor }: Rebuild): Buffer {
  const payload = Buffer.allocUnsafe(bytes);
  payload.writeUInt8(version, 0);
  payload.writeBigInt64LE(userId, 1);
  payload.writeBigInt64LE(cursor, 9);
  return payload;
}

/** Throws `DataLoss` where the payload is not one of ours, `UnknownJob` where it is of a later version. */
export function decodeRebuild(payload: Buffer): Rebuild {
  requirePayloadVersion(rebuildJobKind, payload[0], version);
  if (payload.length !== bytes) throw new RoostError('DataLoss', `a rebuild has ${bytes} bytes, not ${payload.length}`);
  return { userId: payload.readBigInt64LE(1), cursor: payload.readBigInt64LE(9) };
}

/**
 * Fills a home timeline with the newest tweets of those whom its reader follows: a step reads a page of authors, and journals the merge of their newest tweets and the next step. The last merge
 * says that the timeline is complete. What is delivered meanwhile stays.
 */
export const rebuildJob = (
  tbird: Tbird,
  flock: Flock,
  graphs: () => TimelineGraphs & { readonly byUser: number },
  keep: number,
): ClusterJobType => ({
  kind: rebuildJobKind,
  check(payload) {
    const { userId } = decodeRebuild(payload);
    if (userId < 0n) throw new RoostError('InvalidArgument', `ids are from 0 to 2^63 − 1, not ${userId}`);
  },
  async run(payload, deadline) {
    const { userId, cursor } = decodeRebuild(payload);
    const options = () => until(deadline);
    const { follows, byUser } = graphs();
    const followed = await followedPage(flock, follows, userId, { count: authorsAtOnce, cursor }, options());
    const authors = cursor === -1n ? [userId, ...followed.ids] : [...followed.ids];
    const ids = await pastTweets(flock, byUser, authors, { count: keep }, options());
    const tweets = await tbird.get(BigInt64Array.from(ids), options());
    const entries = tweets.filter((tweet) => tweet !== undefined).map(homeEntry);
    const op = followed.nextCursor === 0n ? 'complete' : 'fill';
    const floor = ids.length < keep ? undefined : ids.at(-1);
    const merged: FollowUp = {
      kind: timelineJobKind,
      payload: encodeTimelineWrite({ op, name: homeName(userId), entries, floor }),
    };
    if (followed.nextCursor === 0n) return [merged];
    return [merged, { kind: rebuildJobKind, payload: encodeRebuild({ userId, cursor: followed.nextCursor }) }];
  },
});
