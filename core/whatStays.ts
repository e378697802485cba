import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Looks again at findings that writes in progress may explain: after each pause `again` gets those that are left, and
 * returns those that still hold. Ends early once none is left.
 */
export async function whatStays<T>(
  found: readonly T[],
  again: (left: readonly T[]) => Promise<readonly T[]>,
  pausesMs: Iterable<number>,
): Promise<readonly T[]> {
  let left = found;
  if (left.length === 0) return left;
  for (const ms of pausesMs) {
    await sleep(ms);
    left = await again(left);
    if (left.length === 0) break;
  }
  return left;
}
