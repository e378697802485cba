import { setTimeout as sleep } from 'node:timers/promises';
import type { ChainableCommander, Redis } from 'ioredis';
import { Backoff, type Deadline, type Priority } from '../../core/index.js';
import { results } from '../../redis/index.js';
import { journalError } from './journal.js';
import { journaledError } from './waiters.js';

/** Replaces the record of a write once a part of it has left its queue without being readable. */
export const movedMark = 'moved';

const writeField = Buffer.from('write');
const firstPauseMs = 2;
const maxPauseMs = 50;

/**
 * Waits until the entries of an earlier accepted write are applied. Workers notify only the server that journaled it,
 * so this one polls. Throws what that server would: `Unavailable` for a part that no replica has taken, and
 * `DeadlineExceeded`, both with the field `journaled`.
 *
 * @param remembered the ids of its first and last entry, and their queue, or `movedMark`
 */
export async function untilAppliedBefore(
  redis: Redis,
  key: string,
  remembered: string,
  priority: Priority,
  deadline: Deadline,
): Promise<void> {
  const [first = '', last = '', queue = ''] = remembered.split(' ');
  let now: string | null = remembered;
  for (const backoff = new Backoff(firstPauseMs, maxPauseMs); ;) {
    if (now === movedMark) throw journaledError('Unavailable', 'no replica has taken a part of it');
    // Read together: a part leaves its queue in the step that marks it. Past the write's last moment there is no
    // record any more, and the entries still tell.
    const left = await look(
      () =>
        deadline.race(
          results(redis.multi().get(key).xrange(queue, first, last, 'COUNT', 1)),
          'looking for a write that is in the journal',
        ),
      priority,
    );
    now = left.remembered;
    if (now !== movedMark && !left.queued) return;
    const pauseMs = backoff.next();
    if (deadline.remainingMs() <= pauseMs) throw journaledError('DeadlineExceeded', 'its deadline has passed');
    await sleep(pauseMs);
  }
}

async function look(
  ask: () => Promise<unknown[]>,
  priority: Priority,
): Promise<{ readonly remembered: string | null; readonly queued: boolean }> {
  try {
    const [remembered, entries] = (await ask()) as [string | null, readonly unknown[]];
    return { remembered, queued: entries.length > 0 };
  } catch (error) {
    throw journalError(error, priority);
  }
}

/** Tells those who repeat a write, and wait, that a part of it has left its queue unapplied. */
export function markMoved(transaction: ChainableCommander, write: string | undefined): void {
  if (write !== undefined) transaction.set(write, movedMark, 'KEEPTTL', 'XX');
}

/** Where the write of a stream's entry is recorded; undefined if nobody would wait for it. */
export function writeOf(fields: readonly Buffer[]): string | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i]!.equals(writeField)) return fields[i + 1]!.toString();
  return undefined;
}
