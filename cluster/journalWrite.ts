import { type Deadline, limits, type Micros, RoostError } from '../core/index.js';
import type { Gizzard, NewJob } from '../gizzard/index.js';
import { deadlineOf, type WriteOptions } from '../wire/index.js';

const maxAheadMicros = BigInt(limits.timeAheadMs) * 1_000n;

export interface JournalWriteOptions extends WriteOptions {
  /** The deadline of a call that has done other work already. Absent: `deadlineMs` from now. */
  readonly deadline?: Deadline;
  /**
   * Times that the caller gives. The jobs contain them; they are checked here. Absent: the journal gives every time,
   * see `NewJob.times` and `timedJob`.
   */
  readonly times?: Iterable<Micros>;
}

/**
 * Journals all jobs of a write, or none. Resolves when the journal has them or, with `materialized`, when they have
 * been applied. Throws as `Jobs.append`, and `InvalidArgument` for a time out of range.
 */
export async function journalWrite(
  gizzard: Gizzard,
  jobs: readonly NewJob[],
  options: JournalWriteOptions,
): Promise<void> {
  const { priority = 'high', acknowledgment, identity, deadline = deadlineOf(options), times } = options;
  if (times !== undefined) await checkTimes(gizzard, times, deadline);
  await gizzard.jobs.append(jobs, {
    priority,
    waitUntilApplied: acknowledgment === 'materialized',
    deadline,
    identity,
  });
}

/**
 * Throws `InvalidArgument` for a time before 1970, or more than a day ahead of the journal's clock: it would win over
 * every write until then.
 */
export async function checkTimes({ jobs }: Gizzard, times: Iterable<Micros>, deadline: Deadline): Promise<void> {
  let latest: Micros | undefined;
  for (const time of times) {
    latest ??= (await jobs.journal.nowMicros(deadline)) + maxAheadMicros;
    if (time < 0n || time > latest)
      throw new RoostError('InvalidArgument', `times are microseconds from 1970 to a day from now, not ${time}`);
  }
}
