import type { Flock } from '../../flock/index.js';
import type { ReadOptions } from '../../wire/index.js';

/** The users among some whom a user blocks, or who block the user. */
export async function blockedWith(
  flock: Flock,
  blocks: number | undefined,
  userId: bigint,
  others: Iterable<bigint>,
  options: ReadOptions,
): Promise<Set<bigint>> {
  const ids = BigInt64Array.from(new Set(others));
  if (blocks === undefined || ids.length === 0) return new Set();
  const user = new BigInt64Array(ids.length).fill(userId);
  const [by, of] = await Promise.all([
    flock.states(blocks, user, ids, options),
    flock.states(blocks, ids, user, options),
  ]);
  return new Set([...ids].filter((_, i) => by[i] === 'normal' || of[i] === 'normal'));
}
