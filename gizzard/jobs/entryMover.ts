import type { Redis } from 'ioredis';
import { movedMark } from './acceptedBefore.js';
import { encodeJob, type JobEntry } from './jobEntry.js';
import type { QueueContext } from './queueContext.js';
import { scripts } from './scripts.js';
import { lagKeys, ofHost, workerGroup } from './streamKeys.js';

/** An entry that takes the place of another. */
export interface NewEntry {
  /** Under whose name it lies; '' for none. */
  readonly host: string;
  readonly bad: boolean;
  readonly leaves: readonly string[] | undefined;
  readonly fields: readonly (string | Buffer)[];
}

/** How the end of an attempt was recorded. `mark`: see `LaggingLeaves.knownEverywhere`. */
export interface Refiled {
  readonly state: 'recorded' | 'gone' | 'late';
  readonly mark: number;
}

/** Where an entry lies: its stream, the host whose stream that is ('' for none), and its id. */
export interface EntryPlace {
  readonly stream: string;
  readonly host: string;
  readonly id: string;
}

export interface MoveOptions {
  /** The fence, and the topology under which the job ran. Absent: it does not matter. */
  readonly ranUnder?: { readonly fence: string; readonly topologyVersion: number } | undefined;
  /** Bad jobs that a host may have; absent: as the configuration says. */
  readonly maxBad?: number;
  /** Where the write is remembered, for those who repeat it and wait: they hear that it is not applied. */
  readonly unapplied?: string | undefined;
}

/** Moves the entries of one priority between its queue and the streams of failing and bad jobs, each in one step. */
export class EntryMover {
  constructor(
    private readonly redis: Redis,
    private readonly queue: Pick<QueueContext, 'cluster' | 'keys' | 'config'>,
  ) {}

  /** Puts others in the place of an entry, or none. */
  async move(
    { stream, host, id }: EntryPlace,
    entries: readonly NewEntry[],
    { ranUnder, maxBad = this.queue.config.maxBad, unapplied }: MoveOptions = {},
  ): Promise<Refiled> {
    const { cluster, keys } = this.queue;
    const answer = await scripts.refile.run(
      this.redis,
      {
        source: stream,
        ...lagKeys(cluster),
        hosts: keys.hosts,
        fence: ranUnder?.fence,
        write: unapplied,
        streams: entries.flatMap((entry) => [ofHost(keys.failing, entry.host), ofHost(keys.bad, entry.host)]),
      },
      {
        group: stream === keys.queued ? workerGroup : '',
        id,
        host,
        maxBad,
        movedMark,
        topologyVersion: ranUnder?.topologyVersion,
        entries: entries.flatMap((entry) => [
          entry.host,
          entry.bad ? 1 : 0,
          entry.leaves?.join('\n') ?? '',
          entry.fields.length,
          ...entry.fields,
        ]),
      },
    );
    return answer === 'gone' || answer === 'late'
      ? { state: answer, mark: 0 }
      : { state: 'recorded', mark: Number(answer) };
  }

  /** Files a job that an operator wants tried again as one that never failed. Returns whether it was there. */
  async again(place: EntryPlace, job: JobEntry): Promise<boolean> {
    const { stream, host } = place;
    // No attempt counted: it may be in work, and stays where it is.
    if (job.attempts === 0 && stream === ofHost(this.queue.keys.failing, host)) return true;
    const { state } = await this.move(place, [
      { host, bad: false, leaves: job.onlyLeaves, fields: encodeJob({ ...job, attempts: 0, lastError: '' }) },
    ]);
    return state === 'recorded';
  }

  /** Drops an entry. Returns whether it was there. */
  async discard(place: EntryPlace): Promise<boolean> {
    return (await this.move(place, [])).state === 'recorded';
  }

  /** Lets every server begin a pass through the failing jobs at its next look. */
  async retryNow(): Promise<void> {
    await this.redis.incr(this.queue.keys.retryNow);
  }
}
