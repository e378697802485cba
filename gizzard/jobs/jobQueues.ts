import type { Redis } from 'ioredis';
import { priorities, type Priority, RoostError } from '../../core/index.js';
import type { JobsConfig, Log } from '../../process/index.js';
import { EntryMover, type EntryPlace } from './entryMover.js';
import { decodeJob, type JobEntry } from './jobEntry.js';
import { jobToJson } from './jobJson.js';
import type { AnyJobType } from './jobType.js';
import { journalError } from './journal.js';
import { ofHost, passKey, remoteKeys, streamKeys } from './streamKeys.js';
import { waitedFor, type UnknownJobs } from './unknownJobs.js';

/** The queues of failed and given-up jobs. */
export const storedQueues = ['failing', 'bad'] as const;
export type StoredQueue = (typeof storedQueues)[number];
export type JobQueueName = 'queued' | StoredQueue;

export interface QueueLoad {
  readonly jobs: number;
  /** Age of the oldest job, since its acceptance; undefined for an empty queue. */
  readonly oldestAgeMs: number | undefined;
}

/** One priority of this cluster's jobs, or of a remote cluster's backlog. */
export interface QueueStatus extends Readonly<Record<JobQueueName, QueueLoad>> {
  readonly priority: Priority;
  /**
   * Failing and bad jobs by the host on which they failed; '' for those that name none. Hosts without any are absent.
   */
  readonly hosts: readonly HostQueues[];
  /** Failing jobs of kinds and versions that no server can apply yet. */
  readonly unknown: readonly UnknownJobs[];
}

export interface HostQueues extends Readonly<Record<StoredQueue, QueueLoad>> {
  readonly host: string;
}

/** A job as operators see it. */
export interface JobView {
  /** For a job that failed on a host: the entry's id, `@` and the host. */
  readonly id: string;
  readonly kind: string;
  readonly version: number;
  readonly attempts: number;
  readonly lastError: string;
  readonly acceptedAtMs: number;
  /** The leaves that it is still to be applied to; undefined: all. */
  readonly onlyLeaves: readonly string[] | undefined;
  /** As JSON, in the form that the injector accepts; undefined for an entry that is no job. */
  readonly contents: string | undefined;
}

const entriesPerStep = 100;

/** Operations on the queues: look, retry, give up. They need no server. */
export class JobQueues {
  constructor(
    private readonly cluster: string,
    private readonly redis: Redis,
    private readonly types: ReadonlyMap<string, AnyJobType>,
    private readonly config: JobsConfig,
    private readonly log: Log,
    /** Called when jobs are to be retried, for workers of this process. */
    private readonly onRetry: () => void = () => undefined,
  ) {}

  /** Sizes and ages by priority and host; with `remote`, those of that cluster's backlog. */
  async status(remote?: string): Promise<QueueStatus[]> {
    const keys = remote === undefined ? streamKeys(this.cluster) : remoteKeys(this.cluster, remote);
    return this.#guarded(() =>
      Promise.all(
        priorities.map(async (priority) => {
          const { queued, failing, bad } = keys[priority];
          const [load, names] = await Promise.all([this.#load(queued), this.#hosts(keys[priority].hosts)]);
          const hosts = await Promise.all(
            names.map(async (host): Promise<HostQueues> => {
              const [failed, givenUp] = await Promise.all([
                this.#load(ofHost(failing, host)),
                this.#load(ofHost(bad, host)),
              ]);
              return { host, failing: failed, bad: givenUp };
            }),
          );
          return {
            priority,
            queued: load,
            failing: together(hosts.map((host) => host.failing)),
            bad: together(hosts.map((host) => host.bad)),
            hosts: hosts.filter(
              ({ host, ...loads }) => loads.failing.jobs + loads.bad.jobs > 0 && waitedFor(host) === undefined,
            ),
            unknown: hosts.flatMap(unknownIn),
          };
        }),
      ),
    );
  }

  /** A queue's jobs, by host and oldest first, in pages: `after` is the last id of the previous page. */
  async list(priority: Priority, queue: JobQueueName, count: number, after?: string): Promise<JobView[]> {
    const keys = streamKeys(this.cluster)[priority];
    return this.#guarded(async () => {
      const hosts = queue === 'queued' ? [''] : await this.#hosts(keys.hosts);
      const [afterId, afterHost] = after === undefined ? [undefined, ''] : splitId(after);
      const found: JobView[] = [];
      for (const host of hosts.filter((one) => one >= afterHost)) {
        if (found.length === count) break;
        const from = afterId === undefined || host !== afterHost ? '-' : `(${afterId}`;
        const entries = await this.redis.xrangeBuffer(
          ofHost(keys[queue], host),
          from,
          '+',
          'COUNT',
          count - found.length,
        );
        found.push(...entries.map(([id, fields]) => this.#view(joinId(id.toString(), host), fields)));
      }
      return found;
    });
  }

  /**
   * Lets failing or bad jobs be retried at once, as if they had never failed. Returns how many. Entries that are no
   * jobs stay.
   */
  async retry(priority: Priority, queue: StoredQueue, ids?: readonly string[]): Promise<number> {
    const entries = this.#entries(priority);
    const retried = await this.#each(priority, queue, ids, async (place, fields) => {
      let job: JobEntry;
      try {
        job = decodeJob(fields);
      } catch {
        return false;
      }
      return entries.again(place, job);
    });
    await this.#guarded(() => entries.retryNow());
    this.onRetry();
    return retried;
  }

  /** Gives jobs up for good. Returns how many. Throws `NotFound` for an unknown id. */
  async discard(priority: Priority, queue: StoredQueue, ids?: readonly string[]): Promise<number> {
    const entries = this.#entries(priority);
    return this.#each(priority, queue, ids, (place) => entries.discard(place));
  }

  /**
   * Why a remote cluster lately did not get a job that waits for it; without such a job, why it refused one. Undefined
   * if it takes all.
   */
  async lastErrorOf(remote: string): Promise<string | undefined> {
    const keys = Object.values(remoteKeys(this.cluster, remote));
    return this.#guarded(async () => {
      for (const queue of storedQueues) {
        const newest = await Promise.all(
          keys.map(async (each) => (await this.redis.xrevrangeBuffer(each[queue], '+', '-', 'COUNT', 1))[0]),
        );
        const found = newest.filter((entry) => entry !== undefined);
        found.sort(([a], [b]) => Number.parseInt(b.toString(), 10) - Number.parseInt(a.toString(), 10));
        const [entry] = found;
        if (entry !== undefined) return this.#view(entry[0].toString(), entry[1]).lastError;
      }
      return undefined;
    });
  }

  /** Drops a remote cluster's whole backlog. Returns how many jobs it had. */
  async dropRemote(remote: string): Promise<number> {
    const keys = Object.values(remoteKeys(this.cluster, remote)).flatMap(({ queued, failing, bad }) => [
      queued,
      failing,
      bad,
    ]);
    return this.#guarded(async () => {
      const sizes = await Promise.all(keys.map((key) => this.redis.xlen(key)));
      await this.redis.unlink(...keys, ...keys.map(passKey));
      return sizes.reduce((sum, size) => sum + size, 0);
    });
  }

  /** Visits the present entries, oldest first: those of `ids`, or all. */
  async #each(
    priority: Priority,
    queue: StoredQueue,
    ids: readonly string[] | undefined,
    act: (place: EntryPlace, fields: Buffer[]) => Promise<boolean>,
  ): Promise<number> {
    const keys = streamKeys(this.cluster)[priority];
    return this.#guarded(async () => {
      let done = 0;
      if (ids !== undefined) {
        const found = await Promise.all(
          ids.map(async (each) => {
            const [id, host] = splitId(each);
            const stream = ofHost(keys[queue], host);
            return { place: { stream, host, id }, entry: (await this.redis.xrangeBuffer(stream, id, id))[0] };
          }),
        );
        const missing = ids[found.findIndex(({ entry }) => entry === undefined)];
        if (missing !== undefined)
          throw new RoostError('NotFound', `there is no ${queue} job ${missing}`, { fields: { job: missing } });
        for (const { place, entry } of found) if (await act(place, entry![1])) done++;
        return done;
      }
      for (const host of await this.#hosts(keys.hosts)) {
        const stream = ofHost(keys[queue], host);
        const [newest] = await this.redis.xrevrange(stream, '+', '-', 'COUNT', 1);
        for (let from = '-'; newest !== undefined;) {
          const entries = await this.redis.xrangeBuffer(stream, from, newest[0], 'COUNT', entriesPerStep);
          for (const [id, fields] of entries) if (await act({ stream, host, id: id.toString() }, fields)) done++;
          if (entries.length < entriesPerStep) break;
          from = `(${entries.at(-1)![0].toString()}`;
        }
      }
      return done;
    });
  }

  /** First '', for jobs that name no host, then the hosts by name. */
  async #hosts(key: string): Promise<string[]> {
    return ['', ...(await this.redis.smembers(key)).sort()];
  }

  #entries(priority: Priority): EntryMover {
    return new EntryMover(this.redis, {
      cluster: this.cluster,
      keys: streamKeys(this.cluster)[priority],
      config: this.config,
    });
  }

  async #load(key: string): Promise<QueueLoad> {
    const [jobs, [oldest]] = await Promise.all([
      this.redis.xlen(key),
      this.redis.xrangeBuffer(key, '-', '+', 'COUNT', 1),
    ]);
    if (oldest === undefined) return { jobs, oldestAgeMs: undefined };
    const { acceptedAtMs } = this.#view(oldest[0].toString(), oldest[1]);
    return { jobs, oldestAgeMs: Math.max(0, Date.now() - acceptedAtMs) };
  }

  #view(id: string, fields: Buffer[]): JobView {
    try {
      const { kind, version, payload, attempts, lastError, acceptedAtMs, onlyLeaves } = decodeJob(fields);
      return {
        id,
        kind,
        version,
        attempts,
        lastError,
        acceptedAtMs,
        onlyLeaves,
        contents: jobToJson(this.types.get(kind), kind, payload, version),
      };
    } catch (error) {
      // The first part of an entry's id is the time of its addition.
      return {
        id,
        kind: '',
        version: 1,
        attempts: 0,
        lastError: RoostError.from(error).message,
        acceptedAtMs: Number.parseInt(id, 10),
        onlyLeaves: undefined,
        contents: undefined,
      };
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

const joinId = (id: string, host: string): string => (host === '' ? id : `${id}@${host}`);

function splitId(id: string): [entry: string, host: string] {
  const at = id.indexOf('@');
  return at < 0 ? [id, ''] : [id.slice(0, at), id.slice(at + 1)];
}

function unknownIn({ host, failing }: HostQueues): UnknownJobs[] {
  const waited = waitedFor(host);
  return waited === undefined || failing.jobs === 0 ? [] : [{ ...waited, ...failing }];
}

function together(loads: readonly QueueLoad[]): QueueLoad {
  const ages = loads.flatMap(({ oldestAgeMs }) => (oldestAgeMs === undefined ? [] : [oldestAgeMs]));
  return {
    jobs: loads.reduce((sum, { jobs }) => sum + jobs, 0),
    oldestAgeMs: ages.length === 0 ? undefined : Math.max(...ages),
  };
}
