import { setTimeout as sleep } from 'node:timers/promises';
import type { Gizzard } from '../gizzard/index.js';
import type { CheckOptions } from './checkReport.js';

const lookAgainMs = 250;
const defaultSettleMs = 5_000;

/** A difference that a check found: its key, and a name that tells it from all others. */
export interface Suspected<Key> {
  readonly of: Key;
  readonly name: string;
}

/**
 * Tells faults from writes in progress. Repeats the check of all differing keys until no difference is left, the
 * journal has nothing left to apply, or the time to settle has passed. A fault is a difference that every check has
 * found. `uncertain`: failed jobs still wait for a retry, which may repair the faults.
 */
export async function lookUntilSure<Key, Suspect extends Suspected<Key>>(
  { jobs }: Gizzard,
  keys: readonly Key[],
  look: (keys: readonly Key[]) => Promise<readonly Suspect[]>,
  { settleMs = defaultSettleMs, signal }: Pick<CheckOptions, 'settleMs' | 'signal'>,
): Promise<{ readonly faults: readonly Suspect[]; readonly uncertain: boolean }> {
  const looks = Math.ceil(settleMs / lookAgainMs) + 1;
  let suspects = new Map<string, Suspect>();
  let left = keys;
  let quiet = false;
  for (let i = 0; i < looks && left.length > 0; i++) {
    signal?.throwIfAborted();
    const seen = new Map((await look(left)).map((suspect) => [suspect.name, suspect]));
    suspects = i === 0 ? seen : new Map([...seen].filter(([name]) => suspects.has(name)));
    left = [...new Set(Array.from(suspects.values(), ({ of }) => of))];
    // With an empty journal, one more check sees every write that was applied before, and no wait is needed.
    if (left.length === 0 || quiet || i === looks - 1) break;
    const { queued, failing } = await jobs.status();
    quiet = failing + queued.high + queued.medium + queued.low === 0;
    await sleep(lookAgainMs, undefined, signal && { signal });
  }
  if (suspects.size === 0) return { faults: [], uncertain: false };
  return { faults: [...suspects.values()], uncertain: (await jobs.status()).failing > 0 };
}
