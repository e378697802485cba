import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';

/**
 * Waits until every journaled job, and every job that these brought about, has been applied. `retry` is called for
 * jobs that failed; absent: they wait for their turn.
 */
export async function untilApplied(flock: Flock, retry?: () => Promise<unknown>): Promise<void> {
  const deadline = Deadline.after(30_000);
  for (;;) {
    const { queued, failing } = await flock.journal();
    if (queued.high + queued.medium + queued.low + failing === 0) return;
    if (failing > 0) await retry?.();
    deadline.check('applying the journal');
    await sleep(5);
  }
}
