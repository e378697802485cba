import type { Redis } from 'ioredis';
import { Deadline, priorities, RoostError } from '../../core/index.js';
import type { RawEntry } from './jobEntry.js';
import { journalError } from './journal.js';
import type { JournalGuard } from './journalGuard.js';
import { scripts } from './scripts.js';
import {
  archiveKey,
  clockKey,
  restoreKey,
  stateKey,
  streamKeys,
  waitingKey,
  workKey,
  type ArchiveWork,
} from './streamKeys.js';

const operationDeadlineMs = 10_000;
const entriesPerRead = 64;
/** Bytes of all queues together. Redis does nothing else while it copies them: 5 ms per MB on a busy machine. */
const maxCopiedBytes = 64 * 1024 * 1024;
/** Copies of queues that a killed dump leaves behind expire. */
const keepCopiesMs = 3_600_000;

/** A position in the journal: the number of accepted jobs of an epoch, at a journal time in microseconds. */
export interface JournalPlace {
  readonly epoch: string;
  readonly accepted: number;
  readonly micros: bigint;
}

/** A job in the archive. */
export interface ArchivedEntry {
  /** The epoch's number of accepted jobs including this one. */
  readonly number: number;
  /** The journal's time, not earlier than a time that it assigned to the job. */
  readonly micros: bigint;
  readonly fields: Buffer[];
}

/** The state of the archive. */
export interface ArchiveLook extends JournalPlace {
  /** Its destination; '' if there is none. */
  readonly to: string;
  /** `follow`, or the dump that it serves. */
  readonly purpose: string;
  /** The epoch's number of accepted jobs at its start: it has had all jobs since. */
  readonly since: number;
  /**
   * When it ended by itself, in microseconds, because nobody took its jobs or the journal lost some; undefined if it
   * did not, or was started again.
   */
  readonly gapMicros: bigint | undefined;
  /** Jobs that have not reached the destination. */
  readonly jobs: number;
  readonly bytes: number;
  /** The time of the oldest of these; undefined if there is none. */
  readonly oldestMicros: bigint | undefined;
}

/**
 * Age in milliseconds of the oldest job outside the destination: the most that is lost if everything burns down now.
 */
export const unarchivedMs = ({ micros, oldestMicros }: ArchiveLook): number =>
  oldestMicros === undefined ? 0 : Math.max(0, Number(micros - oldestMicros) / 1_000);

export const followPurpose = 'follow';

/**
 * A copy of all jobs that the journal accepts, of every priority, for backups. It starts and ends in the journal's
 * Redis, so that every server heeds it with its next append. Each job has its number among the epoch's accepted jobs,
 * which shows that none is missing. If nobody takes jobs out, the archive is given up at the size limit of a remote
 * cluster's backlog, and backups have a gap: no write is refused for it.
 */
export class JournalArchive {
  constructor(
    private readonly cluster: string,
    private readonly guard: JournalGuard,
  ) {}

  async look(): Promise<ArchiveLook> {
    return this.#run(async (redis, epoch) => {
      const [accepted, micros, to, purpose, since, gap, jobs, first, bytes] = await scripts.lookAtArchive.run(
        redis,
        this.#keys(epoch),
        {},
      );
      return {
        epoch,
        accepted: Number(accepted),
        micros: BigInt(micros),
        to,
        purpose,
        since: Number(since),
        gapMicros: gap === '' ? undefined : BigInt(gap),
        jobs,
        bytes,
        oldestMicros: first === '' ? undefined : BigInt(first.slice(first.indexOf('-') + 1)),
      };
    });
  }

  /**
   * Begins the archive, or goes on with it. With `copyWaiting`, the id of a dump, also copies what waits in the queues, in the same step: a job that was accepted is applied, in a copy, or
   * will be in the archive. Throws `FailedPrecondition` where the archive goes elsewhere, `Overloaded` where more waits than may be copied.
   *
   * @param to where the archive is kept
   * @returns where it begins, its purpose, and what `waiting` reads the copies by
   */
  begin(
    to: string,
    purpose: string,
    copyWaiting?: string,
  ): Promise<JournalPlace & { readonly purpose: string; readonly copies: readonly string[] }> {
    return this.#run(async (redis, epoch) => {
      const keys = streamKeys(this.cluster);
      const queues = priorities.flatMap((priority) => {
        const { hosts, queued, failing, bad } = keys[priority];
        return [hosts, queued, failing, bad];
      });
      const [accepted, micros, purposeNow, ...copies] = await scripts.beginArchive.run(
        redis,
        { ...this.#keys(epoch), queues },
        {
          epoch,
          to,
          purpose,
          copies: copyWaiting === undefined ? '' : waitingKey(this.cluster, copyWaiting),
          maxBytes: maxCopiedBytes,
          keepMs: keepCopiesMs,
        },
      );
      return { epoch, accepted: Number(accepted), micros: BigInt(micros), purpose: purposeNow, copies };
    });
  }

  /** The entries of copied queues, page by page. */
  async *waiting(copies: readonly string[]): AsyncGenerator<readonly RawEntry[]> {
    for (const copy of copies) {
      for (let from = '-'; ;) {
        const page = await this.#run((redis) => redis.xrangeBuffer(copy, from, '+', 'COUNT', entriesPerRead));
        yield page;
        if (page.length < entriesPerRead) break;
        from = `(${page.at(-1)![0].toString()}`;
      }
    }
  }

  async forget(copies: readonly string[]): Promise<void> {
    if (copies.length > 0) await this.#run((redis) => redis.unlink(...copies));
  }

  /**
   * The oldest jobs after `after`: at least one, about `maxBytes` in all; empty if there is none. The journal's
   * replicas have them, as many as its writes wait for.
   */
  read(epoch: string, after: number, maxBytes: number): Promise<ArchivedEntry[]> {
    return this.#run(async (redis) => {
      const { connection, needed } = this.guard.replicas;
      const key = archiveKey(this.cluster, epoch);
      const entries: ArchivedEntry[] = [];
      let bytes = 0;
      for (let from = `${after + 1}`; bytes < maxBytes;) {
        const page = await redis.xrangeBuffer(key, from, '+', 'COUNT', entriesPerRead);
        for (const [id, fields] of page) {
          const [number, micros] = id.toString().split('-') as [string, string];
          entries.push({ number: Number(number), micros: BigInt(micros), fields });
          bytes += fields.reduce((sum, field) => sum + field.length, 0);
        }
        if (page.length < entriesPerRead) break;
        from = `${entries.at(-1)!.number + 1}`;
      }
      if (needed > 0 && entries.length > 0) {
        // A later write on this connection: once replicas have it, they have the entries that were read.
        await redis.set(`${key}:read`, '', 'PX', keepCopiesMs);
        await this.guard.replicas.reached(connection);
      }
      return entries;
    });
  }

  /** Drops the jobs up to a number, which the destination has. */
  async trim(epoch: string, through: number): Promise<void> {
    await this.#run((redis) => redis.xtrim(archiveKey(this.cluster, epoch), 'MINID', `${through + 1}`));
  }

  /** Ends the archive; with `purpose`, only one for that purpose. Returns whether it did. */
  end(purpose = ''): Promise<boolean> {
    return this.#run(async (redis, epoch) => {
      const { state, archive } = this.#keys(epoch);
      return (await scripts.endArchive.run(redis, { state, archive }, { purpose })) === 1;
    });
  }

  /** Makes the journal assign later times than this one, in microseconds. */
  async raiseClock(micros: bigint): Promise<void> {
    await this.#run((redis) =>
      scripts.raiseClock.run(redis, { clock: clockKey(this.cluster) }, { micros: String(micros) }),
    );
  }

  /**
   * The recorded progress of a restore into this cluster; undefined if there is none. It is stored beside the jobs
   * that the restore has journaled, and is lost only together with them.
   */
  async restoreState(): Promise<string | undefined> {
    return (await this.#run((redis) => redis.get(restoreKey(this.cluster)))) ?? undefined;
  }

  async keepRestoreState(state: string): Promise<void> {
    await this.#run((redis) => redis.set(restoreKey(this.cluster), state));
  }

  /** Takes or renews the place of the one process that does this work. Returns the other holder, where there is one; a place that is not renewed is free after `forMs`. */
  async hold(work: ArchiveWork, holder: string, forMs: number): Promise<string | undefined> {
    const held = await this.#run((redis) =>
      scripts.holdWork.run(redis, { place: workKey(this.cluster, work) }, { holder, forMs }),
    );
    return held === '' ? undefined : held;
  }

  async leave(work: ArchiveWork, holder: string): Promise<void> {
    await this.#run((redis) => scripts.leaveWork.run(redis, { place: workKey(this.cluster, work) }, { holder }));
  }

  #keys(epoch: string) {
    return { state: stateKey(this.cluster), archive: archiveKey(this.cluster, epoch), clock: clockKey(this.cluster) };
  }

  async #run<T>(work: (redis: Redis, epoch: string) => Promise<T>): Promise<T> {
    const deadline = Deadline.after(operationDeadlineMs);
    try {
      const { epoch } = await this.guard.admit(deadline);
      return await deadline.race(work(this.guard.redis, epoch), "working on the journal's archive");
    } catch (error) {
      throw archiveError(error);
    }
  }
}

function archiveError(error: unknown): RoostError {
  const message = error instanceof Error ? error.message : '';
  const elsewhere = /ELSEWHERE (.*)/.exec(message)?.[1];
  if (elsewhere !== undefined)
    return new RoostError(
      'FailedPrecondition',
      `the journal of this cluster is archived to ${elsewhere}: back up there, or end that by \`roost backup stop\``,
      { fields: { to: elsewhere } },
    );
  const large = /LARGE (\d+)/.exec(message)?.[1];
  if (large !== undefined)
    return new RoostError(
      'Overloaded',
      `${large} bytes of jobs wait in the journal's queues, more than a dump copies: back up when fewer wait`,
      { fields: { bytes: large } },
    );
  return journalError(error, 'high');
}
