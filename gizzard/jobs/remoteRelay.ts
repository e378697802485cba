import { Deadline, RoostError, type JobsConfig, type Log } from '../../core/index.js';
import type { RemoteHost } from '../topology/types.js';
import type { JobEntry } from './jobEntry.js';
import type { JobOutcome } from './jobRunner.js';
import { jobToExactJson } from './jobJson.js';
import { JobWorker } from './jobWorker.js';
import { createGroup } from './journal.js';
import { priorities, type Priority } from './priority.js';
import type { Redis } from 'ioredis';
import { remoteKeys } from './streamKeys.js';

/** A job on its way to another cluster, in its exact JSON form. */
export interface RemoteJob {
  readonly priority: Priority;
  readonly contents: string;
}

/**
 * Hands jobs to another cluster's injector, as replicated ones: all or none of them. Throws `Unavailable`, `DeadlineExceeded` and `Overloaded` where another attempt
 * may help, any other code where the injector refused a job.
 */
export type SendJobs = (host: RemoteHost, jobs: readonly RemoteJob[], deadline: Deadline) => Promise<void>;

const sendDeadlineMs = 5_000;
const jobsPerSend = 200;
const bytesPerSend = 4 * 1024 * 1024;
/** Waits before a cluster of which no host answered is tried again; doubled after each attempt. */
const firstPauseMs = 250;
const maxPauseMs = 5_000;

interface Waiting {
  readonly job: RemoteJob;
  readonly done: (error: RoostError | undefined) => void;
}

/**
 * Sends the backlog of jobs for one remote cluster. All servers of this cluster share the work, as they share their own jobs: a job leaves the backlog once
 * the other side's journal has it, at least once and in any order. While no host answers, or hosts are blocked, the backlog stays.
 */
export class RemoteRelay {
  readonly #workers: JobWorker[];
  readonly #waiting: Waiting[] = [];
  #hosts: readonly RemoteHost[];
  #sending = false;
  #turn = 0;
  #pausedUntilMs = 0;
  #pauseMs = firstPauseMs;

  constructor(
    private readonly redis: Redis,
    readers: Readonly<Record<Priority, Redis>>,
    private readonly options: {
      readonly cluster: string;
      readonly remote: string;
      readonly hosts: readonly RemoteHost[];
      readonly consumer: string;
      readonly config: JobsConfig;
      readonly send: SendJobs;
      readonly count: (priority: Priority, outcome: 'applied' | 'failed' | 'bad') => void;
      readonly log: Log;
    },
  ) {
    const { cluster, remote, consumer, config, log, count } = options;
    this.#hosts = options.hosts;
    this.#workers = priorities.map(
      (priority) =>
        new JobWorker(redis, readers[priority], {
          priority,
          keys: remoteKeys(cluster, remote)[priority],
          consumer,
          config,
          run: (job) => this.#run(priority, job),
          paused: () => this.#paused,
          // Callers wait for this cluster only.
          tell: () => Promise.resolve(),
          count: (outcome) => count(priority, outcome),
          log,
        }),
    );
  }

  async start(): Promise<void> {
    const keys = remoteKeys(this.options.cluster, this.options.remote);
    for (const priority of priorities) await createGroup(this.redis, keys[priority].queued);
    for (const worker of this.#workers) worker.start();
  }

  /** Goes on with other hosts, or others' states. */
  use(hosts: readonly RemoteHost[]): void {
    this.#hosts = hosts;
    this.#pausedUntilMs = 0;
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop(graceMs)));
  }

  get #paused(): boolean {
    return performance.now() < this.#pausedUntilMs || (this.#blocked && !this.#hosts.some(({ status }) => status === 'normal'));
  }

  get #blocked(): boolean {
    return this.#hosts.some(({ status }) => status === 'blocked');
  }

  async #run(priority: Priority, job: JobEntry): Promise<JobOutcome> {
    const error = await new Promise<RoostError | undefined>((resolve) => {
      this.#waiting.push({ job: { priority, contents: jobToExactJson(job.kind, job.payload) }, done: resolve });
      if (this.#sending) return;
      this.#sending = true;
      // What is read together is sent together.
      setImmediate(() => void this.#sendAll());
    });
    if (error === undefined) return { failedLeaves: [], readable: true, error, topologyVersion: 0 };
    return { failedLeaves: undefined, readable: false, error, attempted: !error.retryable, topologyVersion: 0 };
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      const error = await this.#sendToAny(batch.map(({ job }) => job));
      if (error === undefined || error.retryable || batch.length === 1) {
        for (const { done } of batch) done(error);
      } else {
        // One of them was refused: the others must not share its fate.
        for (const { job, done } of batch) done(await this.#sendToAny([job]));
      }
    }
    this.#sending = false;
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < Math.min(this.#waiting.length, jobsPerSend) && (count === 0 || bytes + this.#waiting[count]!.job.contents.length <= bytesPerSend)) {
      bytes += this.#waiting[count]!.job.contents.length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #sendToAny(jobs: readonly RemoteJob[]): Promise<RoostError | undefined> {
    const { remote, log } = this.options;
    const hosts = this.#hosts.filter(({ status }) => status === 'normal');
    if (hosts.length === 0) {
      return this.#blocked ? new RoostError('Unavailable', `cluster ${remote} is blocked`, { fields: { cluster: remote } }) : undefined;
    }
    if (performance.now() < this.#pausedUntilMs) return new RoostError('Unavailable', `cluster ${remote} is not tried again yet`, { fields: { cluster: remote } });
    let last: RoostError | undefined;
    for (let i = 0; i < hosts.length; i++) {
      const host = hosts[(this.#turn + i) % hosts.length]!;
      try {
        await this.options.send(host, jobs, Deadline.after(sendDeadlineMs));
        this.#turn = (this.#turn + i) % hosts.length;
        if (this.#pauseMs > firstPauseMs) log.info({ cluster: remote }, 'a remote cluster takes jobs again');
        this.#pauseMs = firstPauseMs;
        return undefined;
      } catch (error) {
        last = RoostError.from(error);
        if (!last.retryable) return last;
      }
    }
    if (this.#pauseMs === firstPauseMs) log.warn({ err: last, cluster: remote }, 'a remote cluster does not take jobs; its backlog waits');
    this.#pausedUntilMs = performance.now() + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, maxPauseMs);
    return last;
  }
}
