import type { Redis } from 'ioredis';
import { RoostError } from '../../core/index.js';
import { decodeJob, encodeJob } from './jobEntry.js';
import { jobToJson } from './jobJson.js';
import type { JobType } from './jobType.js';
import { journalError } from './journal.js';
import { priorities, type Priority } from './priority.js';
import { remoteKeys, streamKeys, type StreamKeys } from './streamKeys.js';

/** Where jobs lie that no worker is trying right now. */
export const storedQueues = ['failing', 'bad'] as const;
export type StoredQueue = (typeof storedQueues)[number];
export type JobQueueName = 'queued' | StoredQueue;

export interface QueueLoad {
  readonly jobs: number;
  /** How long ago the oldest job was accepted by the journal; undefined where the queue is empty. */
  readonly oldestAgeMs: number | undefined;
}

/** One priority of this cluster's jobs, or of a remote cluster's backlog. */
export interface QueueStatus extends Readonly<Record<JobQueueName, QueueLoad>> {
  readonly priority: Priority;
}

/** A job as operators look at it. */
export interface JobView {
  readonly id: string;
  readonly kind: string;
  readonly attempts: number;
  readonly lastError: string;
  readonly acceptedAtMs: number;
  /** The leaves that it is still to be applied to; undefined: all. */
  readonly onlyLeaves: readonly string[] | undefined;
  /** As JSON, in the form that the injector takes; undefined for an entry that is no job. */
  readonly contents: string | undefined;
}

const entriesPerStep = 100;

/** What operators do with the queues: look, try again, give up. Nothing here needs a server. */
export class JobQueues {
  constructor(
    private readonly cluster: string,
    private readonly redis: Redis,
    private readonly types: ReadonlyMap<string, JobType>,
  ) {}

  /** Sizes and ages by priority; with `remote`, those of the backlog for that cluster. */
  async status(remote?: string): Promise<QueueStatus[]> {
    const keys = remote === undefined ? streamKeys(this.cluster) : remoteKeys(this.cluster, remote);
    return this.#guarded(() =>
      Promise.all(
        priorities.map(async (priority) => {
          const [queued, failing, bad] = await Promise.all((['queued', 'failing', 'bad'] as const).map((queue) => this.#load(keys[priority][queue])));
          return { priority, queued: queued!, failing: failing!, bad: bad! };
        }),
      ),
    );
  }

  /** The oldest jobs of a queue, in pages: `after` is the id of the last one of the page before. */
  async list(priority: Priority, queue: JobQueueName, count: number, after?: string): Promise<JobView[]> {
    const entries = await this.#guarded(() =>
      this.redis.xrangeBuffer(streamKeys(this.cluster)[priority][queue], after === undefined ? '-' : `(${after}`, '+', 'COUNT', count),
    );
    return entries.map(([id, fields]) => this.#view(id.toString(), fields));
  }

  /** Puts failing or bad jobs back into the queue, as if they had never failed. Returns how many. Entries that are no jobs stay. */
  async retry(priority: Priority, queue: StoredQueue, ids?: readonly string[]): Promise<number> {
    const keys = streamKeys(this.cluster)[priority];
    return this.#each(keys, queue, ids, async (id, fields) => {
      let job;
      try {
        job = decodeJob(fields);
      } catch {
        return false;
      }
      const again = encodeJob({ ...job, attempts: 0, lastError: '' });
      const replies = await this.redis.multi().xadd(keys.queued, '*', ...again).xdel(keys[queue], id).exec();
      for (const [error] of replies ?? []) if (error !== null) throw error;
      return true;
    });
  }

  /** Gives jobs up for good. Returns how many. Throws `NotFound` for an id that is not there. */
  async discard(priority: Priority, queue: StoredQueue, ids?: readonly string[]): Promise<number> {
    const keys = streamKeys(this.cluster)[priority];
    return this.#each(keys, queue, ids, async (id) => (await this.redis.xdel(keys[queue], id)) === 1);
  }

  /** Drops the whole backlog for a remote cluster. Returns how many jobs it held. */
  async dropRemote(remote: string): Promise<number> {
    const keys = Object.values(remoteKeys(this.cluster, remote)).flatMap((streams) => Object.values(streams as unknown as Record<string, string>));
    return this.#guarded(async () => {
      const sizes = await Promise.all(keys.map((key) => this.redis.xlen(key)));
      await this.redis.unlink(...keys);
      return sizes.reduce((sum, size) => sum + size, 0);
    });
  }

  /** Goes through the entries that are there now, oldest first: those of `ids`, or all. */
  async #each(keys: StreamKeys, queue: StoredQueue, ids: readonly string[] | undefined, act: (id: string, fields: Buffer[]) => Promise<boolean>): Promise<number> {
    return this.#guarded(async () => {
      let done = 0;
      if (ids !== undefined) {
        const found = await Promise.all(ids.map(async (id) => (await this.redis.xrangeBuffer(keys[queue], id, id))[0]));
        const missing = ids[found.indexOf(undefined)];
        if (missing !== undefined) throw new RoostError('NotFound', `there is no ${queue} job ${missing}`, { fields: { job: missing } });
        for (const entry of found) if (await act(entry![0].toString(), entry![1])) done++;
        return done;
      }
      const [newest] = await this.redis.xrevrange(keys[queue], '+', '-', 'COUNT', 1);
      if (newest === undefined) return 0;
      for (let from = '-'; ; ) {
        const entries = await this.redis.xrangeBuffer(keys[queue], from, newest[0], 'COUNT', entriesPerStep);
        for (const [id, fields] of entries) if (await act(id.toString(), fields)) done++;
        if (entries.length < entriesPerStep) return done;
        from = `(${entries.at(-1)![0].toString()}`;
      }
    });
  }

  async #load(key: string): Promise<QueueLoad> {
    const [jobs, [oldest]] = await Promise.all([this.redis.xlen(key), this.redis.xrangeBuffer(key, '-', '+', 'COUNT', 1)]);
    if (oldest === undefined) return { jobs, oldestAgeMs: undefined };
    const { acceptedAtMs } = this.#view(oldest[0].toString(), oldest[1]);
    return { jobs, oldestAgeMs: Math.max(0, Date.now() - acceptedAtMs) };
  }

  #view(id: string, fields: Buffer[]): JobView {
    try {
      const { kind, payload, attempts, lastError, acceptedAtMs, onlyLeaves } = decodeJob(fields);
      return { id, kind, attempts, lastError, acceptedAtMs, onlyLeaves, contents: jobToJson(this.types.get(kind), kind, payload) };
    } catch (error) {
      // The first part of an entry's id is the time at which it was added.
      return { id, kind: '', attempts: 0, lastError: RoostError.from(error).message, acceptedAtMs: Number.parseInt(id, 10), onlyLeaves: undefined, contents: undefined };
    }
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw journalError(error, 'high');
    }
  }
}

