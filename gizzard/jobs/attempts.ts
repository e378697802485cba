import type { Redis } from 'ioredis';
import { loggedTrace, type RoostError } from '../../core/index.js';
import { writeOf } from './acceptedBefore.js';
import { EntryMover, type EntryPlace, type NewEntry, type Refiled } from './entryMover.js';
import { encodeJob, errorText, type JobEntry } from './jobEntry.js';
import type { HostFailure, JobOutcome } from './jobRunner.js';
import type { WorkContext } from './queueContext.js';
import { waitedFor } from './unknownJobs.js';

/**
 * Records failed and retried attempts at jobs: each job is filed under the hosts on which it failed, until it is
 * applied there or given up.
 */
export class Attempts {
  readonly #entries: EntryMover;

  constructor(
    redis: Redis,
    private readonly context: WorkContext,
  ) {
    this.#entries = new EntryMover(redis, context);
  }

  /** Takes an entry of the queue, or a host's failing job, and files it under the hosts on which it failed. */
  async record(
    place: EntryPlace,
    job: JobEntry,
    { failures, readable, topologyVersion }: JobOutcome,
  ): Promise<Refiled> {
    const { config, count, log, priority, fence } = this.context;
    const entries = failures.map((failure): NewEntry => {
      const attempts = job.attempts + (failure.counts ? 1 : 0);
      const bad = failure.counts && (attempts >= config.errorLimit || failure.error.code === 'DataLoss');
      if (bad)
        log.error(
          { err: failure.error, job: place.id, priority, ...loggedTrace(job.trace) },
          'a job was given up; it is kept in the bad-job queue',
        );
      const left = leavesLeft(job, failure, topologyVersion);
      const fields = encodeJob({
        ...job,
        waiter: undefined,
        write: undefined,
        attempts,
        ...left,
        lastError: failure.error.message,
      });
      return { host: placeOf(failure, place.host), bad, leaves: left.onlyLeaves, fields };
    });
    count(
      entries.length === 0 ? 'applied' : entries.some(({ bad }) => bad) ? 'bad' : 'failed',
      Math.max(0, Date.now() - job.acceptedAtMs),
    );
    const refiled = await this.#entries.move(place, entries, {
      // Data readable under a retired topology may be unreadable under the new one.
      ranUnder: readable ? { fence: fence.key, topologyVersion } : undefined,
      unapplied: readable ? undefined : job.write,
    });
    if (refiled.state === 'late') fence.refused(topologyVersion);
    return refiled;
  }

  /** Keeps an entry unchanged that is no job or never finishes, with the reason beside it. */
  async giveUp(place: EntryPlace, fields: readonly Buffer[], error: RoostError): Promise<void> {
    const { count, log, priority } = this.context;
    count('bad', 0);
    log.error({ err: error, job: place.id, priority }, 'a job was given up; it is kept in the bad-job queue');
    const entry = { host: '', bad: true, leaves: undefined, fields: [...fields, 'error', error.message] };
    await this.#entries.move(place, [entry], { maxBad: Number.MAX_SAFE_INTEGER, unapplied: writeOf(fields) });
  }
}

/** If no item was applied, the leaves still to do are unchanged. */
const leavesLeft = (
  job: JobEntry,
  { leaves }: HostFailure,
  topologyVersion: number,
): Pick<JobEntry, 'onlyLeaves' | 'failedUnder'> =>
  leaves === undefined
    ? { onlyLeaves: job.onlyLeaves, failedUnder: job.failedUnder }
    : { onlyLeaves: leaves, failedUnder: topologyVersion };

/** The host or kind that a failed job is filed under. If no item reached any host, the previous one. */
const placeOf = ({ host, leaves }: HostFailure, before: string): string =>
  leaves !== undefined || host !== '' || waitedFor(before) !== undefined ? host : before;

/** Whether a retried job is unchanged, so that its entry may stay. */
export function isUnchanged(job: JobEntry, host: string, { failures, topologyVersion }: JobOutcome): boolean {
  const [only, second] = failures;
  if (only === undefined || second !== undefined || only.counts || errorText(only.error.message) !== job.lastError)
    return false;
  if (only.leaves === undefined) return placeOf(only, host) === host;
  return only.host === host && job.failedUnder === topologyVersion && only.leaves.join() === job.onlyLeaves?.join();
}
