import { setTimeout as sleep } from 'node:timers/promises';
import { type Priority, RoostError } from '../../core/index.js';

/** The counts that a wait polls from the server. */
export interface JournalCounts {
  readonly queued: Readonly<Record<Priority, number>>;
  readonly failing: number;
  readonly bad: number;
}

const pollMs = 50;
/**
 * Waiting stops when the journal has not shrunk for this long: a host is down, or other clients write faster than the
 * workers apply.
 */
const stallMs = 120_000;

export interface WaitOptions {
  /** The queue to wait for. Absent: all queues. */
  readonly priority?: Priority;
  /** The size of the bad-job queue before the wait. */
  readonly badBefore?: number;
  /** Called at every poll with the number of jobs left. */
  readonly onWaiting?: (jobs: number) => void;
}

/**
 * Waits until no job is queued, or failing in any queue, so that reads see everything that was acknowledged before.
 * Returns how long the wait took. Throws `DataLoss` if jobs were given up since, `DeadlineExceeded` if the journal
 * stops shrinking.
 */
export async function waitUntilMaterialized(
  journal: () => Promise<JournalCounts>,
  signal: AbortSignal,
  { priority, badBefore = 0, onWaiting = () => undefined }: WaitOptions = {},
): Promise<number> {
  const startedMs = performance.now();
  let fewest = Infinity;
  let shrunkMs = startedMs;
  for (;;) {
    signal.throwIfAborted();
    const { queued, failing, bad } = await journal();
    const waiting =
      failing +
      (priority === undefined ? Object.values(queued).reduce((sum, count) => sum + count, 0) : queued[priority]);
    onWaiting(waiting);
    if (waiting === 0) {
      if (bad <= badBefore) return performance.now() - startedMs;
      throw new RoostError(
        'DataLoss',
        `${bad - badBefore} jobs were given up after too many errors and wait in the bad-job queue: their edges are missing from some tables`,
        {
          fields: { bad },
        },
      );
    }
    if (waiting < fewest) {
      fewest = waiting;
      shrunkMs = performance.now();
    } else if (performance.now() - shrunkMs > stallMs) {
      throw new RoostError(
        'DeadlineExceeded',
        `the journal has held ${waiting} jobs or more for ${stallMs / 1_000} s (${failing} of them failing): is a database host down?`,
        {
          fields: { waiting, failing },
        },
      );
    }
    await sleep(pollMs, undefined, { signal });
  }
}
