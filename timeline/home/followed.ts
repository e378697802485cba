import { limits } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import type { ReadOptions } from '../../wire/index.js';

/** Whom a user follows, latest first, one page from a cursor. */
export const followedPage = (
  flock: Flock,
  follows: number,
  userId: bigint,
  page: { readonly count: number; readonly cursor: bigint },
  options: ReadOptions,
) =>
  flock.select(
    { kind: 'term', term: { graphId: follows, sourceId: userId, direction: 'forward', states: ['normal'] } },
    page,
    options,
  );

/** Everybody whom a user follows, up to `limits.followedPerRead`. */
export async function followedBy(
  flock: Flock,
  follows: number,
  userId: bigint,
  options: ReadOptions,
): Promise<bigint[]> {
  const all: bigint[] = [];
  let cursor = -1n;
  while (cursor !== 0n && all.length < limits.followedPerRead) {
    const page = await followedPage(flock, follows, userId, { count: limits.pageSize, cursor }, options);
    all.push(...page.ids);
    cursor = page.nextCursor;
  }
  return all;
}
