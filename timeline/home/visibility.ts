import type { Flock } from '../../flock/index.js';
import type { ReadOptions } from '../../wire/index.js';
import type { TimelineGraphs } from './audience.js';
import type { HomeEntry } from './homeEntry.js';

/** What the graphs say between a reader and others, as of now. */
export interface Relations {
  follows(userId: bigint): boolean;
  /** In either direction. */
  blocks(userId: bigint): boolean;
  wantsRetweetsOf(userId: bigint): boolean;
}

/** A rule of the application, such as one by region: whether a reader gets to see an entry. Pure, and called at each read. */
export type ReadRule = (entry: HomeEntry, readerId: bigint) => boolean;

/** Rules of what a reader sees of their home timeline. All of them hold. */
export const readRules: readonly ((entry: HomeEntry, readerId: bigint, relations: Relations) => boolean)[] = [
  function authorsAreFollowed({ userId }, readerId, relations) {
    return userId === readerId || relations.follows(userId);
  },
  function repliesAreForThoseWhoFollowBoth({ userId, replyToUserId }, readerId, relations) {
    if (replyToUserId === undefined || replyToUserId === userId || replyToUserId === readerId) return true;
    return userId === readerId || relations.follows(replyToUserId);
  },
  function retweetsCanBeTurnedOff({ userId, retweetOfId }, readerId, relations) {
    return retweetOfId === undefined || userId === readerId || relations.wantsRetweetsOf(userId);
  },
  function blocksHoldBothWays({ userId }, _readerId, relations) {
    return !relations.blocks(userId);
  },
];

/** Leaves the entries that a reader sees, by the graphs as they are now and by the application's rules. */
export async function visible(
  flock: Flock,
  graphs: TimelineGraphs,
  rules: readonly ReadRule[],
  readerId: bigint,
  entries: readonly HomeEntry[],
  options: ReadOptions,
): Promise<HomeEntry[]> {
  if (entries.length === 0) return [];
  const relations = await relationsOf(flock, graphs, readerId, entries, options);
  return entries.filter(
    (entry) =>
      readRules.every((rule) => rule(entry, readerId, relations)) && rules.every((rule) => rule(entry, readerId)),
  );
}

async function relationsOf(
  flock: Flock,
  { follows, blocks, retweetsOff }: TimelineGraphs,
  readerId: bigint,
  entries: readonly HomeEntry[],
  options: ReadOptions,
): Promise<Relations> {
  const others = new Set(entries.flatMap(({ userId, replyToUserId }) => [userId, replyToUserId ?? userId]));
  others.delete(readerId);
  const ids = BigInt64Array.from(others);
  const reader = new BigInt64Array(ids.length).fill(readerId);
  const related = async (graphId: number | undefined, from: BigInt64Array, to: BigInt64Array): Promise<Set<bigint>> => {
    if (graphId === undefined || ids.length === 0) return new Set();
    const states = await flock.states(graphId, from, to, options);
    return new Set([...ids].filter((_, i) => states[i] === 'normal'));
  };
  const [followed, blocked, blocking, withoutRetweets] = await Promise.all([
    related(follows, reader, ids),
    related(blocks, reader, ids),
    related(blocks, ids, reader),
    related(retweetsOff, reader, ids),
  ]);
  return {
    follows: (userId) => followed.has(userId),
    blocks: (userId) => blocked.has(userId) || blocking.has(userId),
    wantsRetweetsOf: (userId) => !withoutRetweets.has(userId),
  };
}
