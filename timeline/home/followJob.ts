import { limits, RoostError, type Deadline } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import { requirePayloadVersion, type ClusterJobType, type FollowUp } from '../../gizzard/index.js';
import type { Tbird } from '../../tbird/index.js';
import { until } from '../../wire/index.js';
import { encodeTimelineWrite, timelineJobKind, type TimelineWrite } from '../jobs/timelinePayload.js';
import { keyBytes } from '../entry.js';
import type { Timelines } from '../timelines.js';
import type { TimelineGraphs } from './audience.js';
import { authorAt, homeEntry } from './homeEntry.js';
import { homeName } from './homeTimelines.js';

export const followJobKind = 'timelines.follow';

/** A reader who has begun, or ended, to follow an author. */
export interface Follow {
  readonly readerId: bigint;
  readonly authorId: bigint;
}

/* u8 version · for each pair i64 reader · i64 author, little-endian. */
const version = 1;
const pairBytes = 16;

/** A job that brings the timelines of readers up to date with whom they follow. */
export function followsChanged(follows: readonly Follow[]): FollowUp {
  const payload = Buffer.allocUnsafe(1 + follows.length * pairBytes);
  payload.writeUInt8(version, 0);
  for (const [i, { readerId, authorId }] of follows.entries()) {
    payload.writeBigInt64LE(readerId, 1 + i * pairBytes);
    payload.writeBigInt64LE(authorId, 9 + i * pairBytes);
  }
  return { kind: followJobKind, payload, priority: 'medium' };
}

function decode(payload: Buffer): Follow[] {
  requirePayloadVersion(followJobKind, payload[0], version);
  if ((payload.length - 1) % pairBytes !== 0)
    throw new RoostError('DataLoss', `changes of follows with ${payload.length} bytes cannot be read`);
  return Array.from({ length: (payload.length - 1) / pairBytes }, (_, i) => ({
    readerId: payload.readBigInt64LE(1 + i * pairBytes),
    authorId: payload.readBigInt64LE(9 + i * pairBytes),
  }));
}

/**
 * After edges between readers and authors have changed: merges the tweets of each author, as far back as the reader's home timeline holds any, into it where the reader follows the author now, and takes
 * them out where not.
 * It goes by the edges as they stand, so that it does not matter in which order such jobs run. Readers without a timeline cost a look at Redis.
 */
export const followJob = (
  timelines: Timelines,
  tbird: Tbird,
  flock: Flock,
  graphs: () => TimelineGraphs,
  keep: number,
): ClusterJobType => ({
  kind: followJobKind,
  derived: true,
  check(payload) {
    const follows = decode(payload);
    if (follows.length > limits.operationsPerWrite)
      throw new RoostError(
        'InvalidArgument',
        `a job holds at most ${limits.operationsPerWrite} follows, not ${follows.length}`,
      );
    for (const id of follows.flatMap(({ readerId, authorId }) => [readerId, authorId]))
      if (id < 0n) throw new RoostError('InvalidArgument', `ids are from 0 to 2^63 − 1, not ${id}`);
  },
  async run(payload, deadline) {
    const all = decode(payload);
    const floors = await timelines.floors(new Set(all.map(({ readerId }) => homeName(readerId))), deadline);
    const follows = all.filter(({ readerId }) => floors.has(homeName(readerId)));
    if (follows.length === 0) return [];
    const standing = await standingOf(follows, flock, graphs(), deadline);
    const writes: FollowUp[] = [];
    for (const [i, { readerId, authorId }] of follows.entries()) {
      const name = homeName(readerId);
      if (!standing[i]!) {
        writes.push(write({ op: 'withdraw', name, at: authorAt, bytes: keyBytes(authorId) }));
        continue;
      }
      const options = until(deadline);
      const held = floors.get(name)!;
      const newer = held === 'all' ? {} : { afterId: held };
      const ids = await tbird.timeline({ userId: authorId, count: keep, ...newer }, options);
      const entries = (await tbird.get(ids, options)).filter((tweet) => tweet !== undefined).map(homeEntry);
      const floor = ids.length === keep ? ids.at(-1) : held === 'all' ? undefined : held;
      // Without entries too: another replica may hold more.
      if (entries.length > 0 || floor !== undefined) writes.push(write({ op: 'fill', name, entries, floor }));
    }
    return writes;
  },
});

/** Whether each reader follows the author now, and neither blocks the other. */
async function standingOf(
  follows: readonly Follow[],
  flock: Flock,
  graphs: TimelineGraphs,
  deadline: Deadline,
): Promise<boolean[]> {
  const readers = BigInt64Array.from(follows, ({ readerId }) => readerId);
  const authors = BigInt64Array.from(follows, ({ authorId }) => authorId);
  const options = until(deadline);
  const states = (graphId: number | undefined, from: BigInt64Array, to: BigInt64Array) =>
    graphId === undefined ? [] : flock.states(graphId, from, to, options);
  const [followed, blocked, blocking] = await Promise.all([
    states(graphs.follows, readers, authors),
    states(graphs.blocks, readers, authors),
    states(graphs.blocks, authors, readers),
  ]);
  return follows.map((_, i) => followed[i] === 'normal' && blocked[i] !== 'normal' && blocking[i] !== 'normal');
}

const write = (of: TimelineWrite): FollowUp => ({ kind: timelineJobKind, payload: encodeTimelineWrite(of) });
