import type { Redis } from 'ioredis';
import { movedMark } from './acceptedBefore.js';
import { encodeJob, type JobEntry } from './jobEntry.js';
import type { QueueContext } from './queueContext.js';
import { scripts } from './scripts.js';
import { lagKeys, ofHost, workerGroup } from './streamKeys.js';

/** An entry that replaces another. */
export interface NewEntry {
  /** The host that it is filed under; '' for none. */
  readonly host: string;
  readonly bad: boolean;
  readonly leaves: readonly string[] | undefined;
  readonly fields: readonly (string | Buffer)[];
}

/** How an attempt's end was recorded. `mark`: see `LaggingLeaves.knownEverywhere`. */
export interface Refiled {
  readonly state: 'recorded' | 'gone' | 'late';
  readonly mark: number;
}

/** An entry's place: its stream, the stream's host ('' for none), and its id. */
export interface EntryPlace {
  readonly stream: string;
  readonly host: string;
  readonly id: string;
}

export interface MoveOptions {
  /** The fence, and the topology that the job ran under. Absent: irrelevant. */
  readonly ranUnder?: { readonly fence: string; readonly topologyVersion: number } | undefined;
  /** The most bad jobs per host. Absent: the configured number. */
  readonly maxBad?: number;
  /** Where the write is recorded, so that those who repeat it and wait learn that it is not applied. */
  readonly unapplied?: string | undefined;
}

/** Moves entries of one priority between its queue and the streams of failing and bad jobs, each in one step. */
export class EntryMover {
  constructor(
    private readonly redis: Redis,
    private readonly queue: Pick<QueueContext, 'cluster' | 'keys' | 'config'>,
  ) {}

  /** Replaces an entry by others, or by none. */
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

  /** Refiles a job that an operator wants retried, as one that never failed. Returns whether it existed. */
  async again(place: EntryPlace, job: JobEntry): Promise<boolean> {
    const { stream, host } = place;
    // No failed attempt yet: it may be running, and stays.
    if (job.attempts === 0 && stream === ofHost(this.queue.keys.failing, host)) return true;
    const { state } = await this.move(place, [
      { host, bad: false, leaves: job.onlyLeaves, fields: encodeJob({ ...job, attempts: 0, lastError: '' }) },
    ]);
    return state === 'recorded';
  }

  /** Drops an entry. Returns whether it existed. */
  async discard(place: EntryPlace): Promise<boolean> {
    return (await this.move(place, [])).state === 'recorded';
  }

  /** Lets every server start a pass through the failing jobs at its next look. */
  async retryNow(): Promise<void> {
    await this.redis.incr(this.queue.keys.retryNow);
  }
}
