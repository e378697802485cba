import { chunks, inParallel, limits } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import { newestFirst } from '../entry.js';
import type { BehindBounds } from '../pages/timelineKind.js';
import type { EdgeState, Query, ReadOptions } from '../../wire/index.js';

/** Authors in one query. Each costs a range of an index; one query reads no more rows than `limits.rowsPerQuery`. */
const authorsPerQuery = limits.termsPerQuery;
/** Concurrent queries. */
const queriesAtOnce = 4;

/** The states of tweets in their author's index: all kinds of tweets. */
const kinds: readonly EdgeState[] = ['normal', 'negative', 'archived'];

/**
 * The newest tweets of many authors with ids below `before` and above `since`, newest first, from the authors' own
 * indexes: a home timeline beyond its kept entries. At most `count`; fewer means that there are no more.
 */
export async function pastTweets(
  flock: Flock,
  byUser: number,
  authors: readonly bigint[],
  {
    before,
    since,
    count,
  }: { readonly before?: bigint | undefined; readonly since?: bigint | undefined; readonly count: number },
  options: ReadOptions,
): Promise<bigint[]> {
  const found: bigint[] = [];
  await inParallel(chunks(authors, authorsPerQuery), queriesAtOnce, async (group) => {
    const page = await newestOf(flock, byUser, group, before, count, options);
    found.push(...page.filter((id) => since === undefined || id > since));
  });
  return [...new Set(found)].sort(newestFirst).slice(0, count);
}

async function newestOf(
  flock: Flock,
  graphId: number,
  authors: readonly bigint[],
  before: bigint | undefined,
  count: number,
  options: ReadOptions,
): Promise<bigint[]> {
  const terms = authors.map((sourceId): Query => ({
    kind: 'term',
    term: {
      graphId,
      sourceId,
      direction: 'forward',
      states: kinds,
      // Positions in the index are ids.
      ...(before !== undefined && { maxPosition: before - 1n }),
    },
  }));
  const ids: bigint[] = [];
  let cursor = -1n;
  while (ids.length < count && cursor !== 0n) {
    const page = await flock.select(balanced(terms), { count: count - ids.length, cursor }, options);
    ids.push(...page.ids);
    cursor = page.nextCursor;
  }
  return ids;
}

/** A union of terms as a balanced tree. */
function balanced(terms: readonly Query[]): Query {
  if (terms.length === 1) return terms[0]!;
  const half = terms.length >> 1;
  return { kind: 'union', left: balanced(terms.slice(0, half)), right: balanced(terms.slice(half)) };
}

/**
 * The newest tweets of each of some authors with ids between the bounds, at most `count` each, newest first. From the
 * authors' cached lists, where these suffice.
 */
export async function newestTweets(
  flock: Flock,
  byUser: number,
  authors: readonly bigint[],
  { before, since, count }: BehindBounds,
  options: ReadOptions,
): Promise<bigint[]> {
  const found: bigint[] = [];
  const list = { graphId: byUser, direction: 'forward', states: kinds, count } as const;
  const atOnce = Math.max(1, Math.floor(limits.edgesPerCall / (count * kinds.length)));
  for (const some of chunks(authors, atOnce)) {
    // Positions in the index are ids.
    const maxPosition = before === undefined ? undefined : before - 1n;
    for (const ids of await flock.newestIds({ ...list, maxPosition }, BigInt64Array.from(some), options))
      for (const id of ids) if (since === undefined || id > since) found.push(id);
  }
  return [...new Set(found)].sort(newestFirst);
}
