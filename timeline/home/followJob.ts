import { limits, RoostError, type Deadline } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import type { ClusterJobType, FollowUp } from '../../gizzard/index.js';
import type { Tbird } from '../../tbird/index.js';
import { until } from '../../wire/index.js';
import { writeOf } from '../jobs/timelinePayload.js';
import { authorAt, keyBytes } from '../entry.js';
import type { Timelines } from '../timelines.js';
import type { TimelineGraphs } from './audience.js';
import { decodeFollows, encodeFollows, followJobKind, followLookKind, type Follow } from './followPayload.js';
import { homeEntry } from './homeEntry.js';
import { homeName } from './homeTimelines.js';

/**
 * Updates home timelines after changes of edges between readers and authors: merges each author's tweets, as far back
 * as the timeline reaches, if the reader follows the author now, and removes them if not. It goes by the present
 * edges, so that the order of such jobs does not matter; since their writes may be applied in another order, a second
 * look follows each removal. A missing timeline costs one lookup in Redis.
 */
export const followJob = (
  timelines: Timelines,
  tbird: Tbird,
  flock: Flock,
  graphs: () => TimelineGraphs,
  keep: number,
  kind: typeof followJobKind | typeof followLookKind,
): ClusterJobType => ({
  kind,
  derived: true,
  check(payload) {
    const follows = decodeFollows(payload);
    if (follows.length > limits.operationsPerWrite)
      throw new RoostError(
        'InvalidArgument',
        `a job holds at most ${limits.operationsPerWrite} follows, not ${follows.length}`,
      );
    for (const id of follows.flatMap(({ readerId, authorId }) => [readerId, authorId]))
      if (id < 0n) throw new RoostError('InvalidArgument', `ids are from 0 to 2^63 − 1, not ${id}`);
  },
  async run(payload, deadline) {
    const all = decodeFollows(payload);
    const floors = await timelines.floors(new Set(all.map(({ readerId }) => homeName(readerId))), deadline);
    const follows = all.filter(({ readerId }) => floors.has(homeName(readerId)));
    if (follows.length === 0) return [];
    const standing = await standingOf(follows, flock, graphs(), deadline);
    const writes: FollowUp[] = [];
    for (const [i, { readerId, authorId, token }] of follows.entries()) {
      const name = homeName(readerId);
      const settles = token === undefined ? undefined : { author: authorId, token };
      if (!standing[i]!) {
        const again = { kind: followLookKind, payload: encodeFollows([{ readerId, authorId }]) };
        if (kind === followJobKind)
          writes.push(writeOf({ op: 'withdraw', name, at: authorAt, bytes: keyBytes(authorId), again }));
        if (settles !== undefined) writes.push(writeOf({ op: 'settle', name, entries: [], ...settles }));
        continue;
      }
      const options = until(deadline);
      const held = floors.get(name)!;
      const newer = held === 'all' ? {} : { afterId: held };
      const ids = await tbird.timeline({ userId: authorId, count: keep, ...newer }, options);
      const entries = (await tbird.get(ids, options)).filter((tweet) => tweet !== undefined).map(homeEntry);
      const floor = ids.length === keep ? ids.at(-1) : held === 'all' ? undefined : held;
      if (settles !== undefined) {
        writes.push(writeOf({ op: 'settle', name, entries, floor, ...settles }));
        continue;
      }
      // Even without entries: another replica may hold more.
      if (entries.length > 0 || floor !== undefined) writes.push(writeOf({ op: 'fill', name, entries, floor }));
    }
    return writes;
  },
});

/** Whether each reader follows the author now, or is the author, and neither blocks the other. */
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
  return follows.map(
    ({ readerId, authorId }, i) =>
      readerId === authorId || (followed[i] === 'normal' && blocked[i] !== 'normal' && blocking[i] !== 'normal'),
  );
}
