import { limits, RoostError, type Deadline } from '../../core/index.js';
import { requirePayloadVersion, type ClusterJobType, type FollowUp } from '../../gizzard/index.js';
import type { Tbird } from '../../tbird/index.js';
import { until } from '../../wire/index.js';
import { authorOf, keyOf } from '../entry.js';
import {
  decodeTimelineWrite,
  encodeTimelineWrite,
  writeOf,
  type DeliveryWrite,
  type Retraction,
  type SecondLook,
} from './timelinePayload.js';

export const secondLookKind = 'timelines.look';

/** Brings entries back: itself, or, if it drops the timeline, by the next read. */
type Restoration = (DeliveryWrite & { readonly op: 'restore' }) | { readonly op: 'delete'; readonly name: string };

/* u8 version · i64 tweet, little-endian · the write. */
const version = 1;
const headerBytes = 9;

/** The job that makes a write if a tweet that was deleted is live again. */
export function ifLive(tweetId: bigint, write: Restoration): SecondLook {
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt8(version, 0);
  header.writeBigInt64LE(tweetId, 1);
  return { kind: secondLookKind, payload: Buffer.concat([header, encodeTimelineWrite(write)]) };
}

/** The second look after a deleted tweet's entry was removed from some timelines. */
export const lookAgain = ({ entry, prefix }: Retraction, ids: readonly bigint[]): FollowUp => ({
  ...ifLive(keyOf(entry), { op: 'restore', entry, prefix, ids: BigInt64Array.from(ids), least: 0 }),
  priority: 'medium',
});

/** Throws `DataLoss` for bytes that are no such payload, and `UnknownJob` for a later version. */
function decode(payload: Buffer): { readonly tweetId: bigint; readonly write: Restoration } {
  requirePayloadVersion(secondLookKind, payload[0], version);
  if (payload.length < headerBytes)
    throw new RoostError('DataLoss', `a second look with ${payload.length} bytes cannot be read`);
  const write = decodeTimelineWrite(payload.subarray(headerBytes));
  const { op } = write;
  const tweetId = payload.readBigInt64LE(1);
  if (op === 'restore') return { tweetId, write: { ...write, op } };
  if (op === 'delete') return { tweetId, write: { ...write, op } };
  throw new RoostError('DataLoss', `a second look restores entries or drops a timeline; it cannot ${op}`);
}

/**
 * Looks whether a deleted tweet is live again, once its entries have been removed: the write that restored them may
 * have been applied before the removal.
 *
 * @param leastReads how often a replica of a timeline must be read for the author's tweets to be pushed
 */
export const secondLookJob = (
  tbird: Tbird,
  leastReads: (authorId: bigint, deadline: Deadline) => Promise<number>,
): ClusterJobType => ({
  kind: secondLookKind,
  derived: true,
  check(payload) {
    const { tweetId, write } = decode(payload);
    if (tweetId < 0n) throw new RoostError('InvalidArgument', `ids are from 0 to 2^63 − 1, not ${tweetId}`);
    if (write.op === 'restore' && write.ids.length > limits.idsPerCall)
      throw new RoostError('InvalidArgument', `a job holds at most ${limits.idsPerCall} timelines`);
  },
  async run(payload, deadline) {
    const { tweetId, write } = decode(payload);
    const [tweet] = await tbird.get(BigInt64Array.of(tweetId), until(deadline));
    if (tweet === undefined) return [];
    if (write.op === 'delete') return [writeOf(write)];
    const authorId = authorOf(write.entry);
    const least = authorId === undefined ? 0 : await leastReads(authorId, deadline);
    return [writeOf({ ...write, least })];
  },
});
