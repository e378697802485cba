import { Backoff, Deadline, priorities, type Priority, RoostError } from '../../core/index.js';
import type { JobsConfig, Log } from '../../process/index.js';
import type { RemoteHost } from '../topology/types.js';
import { Fence } from './fence.js';
import type { JobEntry } from './jobEntry.js';
import type { JobOutcome } from './jobRunner.js';
import { jobToExactJson } from './jobJson.js';
import { JobWorker } from './jobWorker.js';
import { createGroup, journalError } from './journal.js';
import type { JournalGuard } from './journalGuard.js';
import type { Redis } from 'ioredis';
import { remoteKeys, remotesFenceKey } from './streamKeys.js';

/** A job on its way to another cluster, in its exact JSON form. */
export interface RemoteJob {
  readonly priority: Priority;
  readonly contents: string;
}

/**
 * Sends jobs to another cluster's injector as replicated ones: all or none. Throws `Unavailable`, `DeadlineExceeded`
 * and `Overloaded` if another attempt may help, any other code if the injector refused a job.
 */
export type SendJobs = (host: RemoteHost, jobs: readonly RemoteJob[], deadline: Deadline) => Promise<void>;

const sendDeadlineMs = 5_000;
const jobsPerSend = 200;
const bytesPerSend = 4 * 1024 * 1024;
/** Wait before retrying a cluster of which no host answered; doubles with each attempt. */
const firstPauseMs = 250;
const maxPauseMs = 5_000;

/** The remote cluster in a topology. */
interface Target {
  readonly hosts: readonly RemoteHost[];
  readonly version: number;
}

/**
 * The result of sending a job, with the topology that it was sent or failed under. `stale`: not sent, because the
 * remote clusters have changed since.
 */
type Sent = { readonly version: number; readonly error: RoostError | undefined } | 'stale';

interface Waiting {
  readonly job: RemoteJob;
  readonly done: (sent: Sent) => void;
}

/**
 * Sends the backlog for one remote cluster. All servers of this cluster share the work, as they share their own jobs:
 * a job leaves the backlog once the other side's journal has it, at least once and in any order. While no host
 * answers, or hosts are blocked, the backlog stays.
 *
 * A change of the remote clusters holds for every job journaled after the change was answered, also on servers that
 * have not heard of it: a taken batch is sent only if no newer topology has changed the remote clusters, and returns
 * to the backlog otherwise. A job that was being sent during the change does not count as sent.
 */
export class RemoteRelay {
  readonly #workers: JobWorker[];
  readonly #waiting: Waiting[] = [];
  #target: Target;
  #staleVersion = -1;
  #sending = false;
  #turn = 0;
  #pausedUntilMs = 0;
  /** Why no host took the last jobs. */
  #lastError: RoostError | undefined;
  readonly #backoff = new Backoff(firstPauseMs, maxPauseMs);

  constructor(
    private readonly redis: Redis,
    readers: Readonly<Record<Priority, Redis>>,
    private readonly options: {
      readonly cluster: string;
      readonly remote: string;
      readonly hosts: readonly RemoteHost[];
      /** The topology that names the hosts. */
      readonly version: number;
      readonly consumer: string;
      readonly config: JobsConfig;
      readonly guard: Pick<JournalGuard, 'trusted' | 'look' | 'replicas'>;
      readonly send: SendJobs;
      readonly reload: () => Promise<void>;
      readonly count: (priority: Priority, outcome: 'applied' | 'failed' | 'bad') => void;
      readonly log: Log;
    },
  ) {
    const { cluster, remote, consumer, config, guard, log, count } = options;
    this.#target = { hosts: options.hosts, version: options.version };
    this.#workers = priorities.map(
      (priority) =>
        new JobWorker(redis, readers[priority], {
          cluster,
          priority,
          keys: remoteKeys(cluster, remote)[priority],
          consumer,
          config,
          run: (job) => this.#run(priority, job),
          fence: new Fence(remotesFenceKey(cluster), () => this.#target.version, priority, log),
          guard,
          intake: () => (this.#paused ? 'paused' : 'open'),
          count: (outcome) => count(priority, outcome),
          log,
        }),
    );
  }

  async start(): Promise<void> {
    const keys = remoteKeys(this.options.cluster, this.options.remote);
    // If Redis is not the journal yet, workers create theirs once it is.
    if (this.options.guard.trusted)
      for (const priority of priorities) await createGroup(this.redis, keys[priority].queued);
    for (const worker of this.#workers) worker.start();
  }

  /** Continues with other hosts, or changed ones. */
  use(hosts: readonly RemoteHost[], version: number): void {
    this.#target = { hosts, version };
    this.#pausedUntilMs = 0;
  }

  /** The topology no longer has the cluster: stops sending. */
  retire(): void {
    this.#staleVersion = Infinity;
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop(graceMs)));
  }

  get #paused(): boolean {
    const { hosts, version } = this.#target;
    return (
      performance.now() < this.#pausedUntilMs ||
      version <= this.#staleVersion ||
      (isBlocked(hosts) && !hosts.some(isNormal))
    );
  }

  async #run(priority: Priority, job: JobEntry): Promise<JobOutcome> {
    const sent = await new Promise<Sent>((resolve) => {
      this.#waiting.push({
        job: { priority, contents: jobToExactJson(job.kind, job.payload, job.version) },
        done: resolve,
      });
      if (this.#sending) return;
      this.#sending = true;
      // Jobs read together are sent together.
      setImmediate(() => void this.#sendAll());
    });
    if (sent === 'stale') return { failures: [], readable: false, handBack: true, topologyVersion: 0 };
    const { error, version: topologyVersion } = sent;
    const failures =
      error === undefined
        ? []
        : [{ host: '', leaves: undefined, error, counts: !error.retryable && !waitsForUpgrade(error) }];
    return { failures, readable: error === undefined, topologyVersion };
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      const sent = await this.#sendToAny(batch.map(({ job }) => job));
      if (sent === 'stale' || sent.error === undefined || sent.error.retryable || batch.length === 1) {
        for (const { done } of batch) done(sent);
      } else {
        // One of them was refused; the others are sent by themselves.
        for (const { job, done } of batch) done(await this.#sendToAny([job]));
      }
    }
    this.#sending = false;
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (
      count < Math.min(this.#waiting.length, jobsPerSend) &&
      (count === 0 || bytes + this.#waiting[count]!.job.contents.length <= bytesPerSend)
    ) {
      bytes += this.#waiting[count]!.job.contents.length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #sendToAny(jobs: readonly RemoteJob[]): Promise<Sent> {
    const { cluster, remote, log, reload } = this.options;
    const { hosts: all, version } = this.#target;
    if (version <= this.#staleVersion) return 'stale';
    const failed = (error: RoostError): Sent => ({ version, error });
    const hosts = all.filter(isNormal);
    if (hosts.length === 0) {
      return isBlocked(all)
        ? failed(new RoostError('Unavailable', `cluster ${remote} is blocked`, { fields: { cluster: remote } }))
        : { version, error: undefined };
    }
    if (performance.now() < this.#pausedUntilMs)
      return failed(
        new RoostError(
          'Unavailable',
          `cluster ${remote} is not tried again yet${this.#lastError === undefined ? '' : `: ${this.#lastError.message}`}`,
          { fields: { cluster: remote } },
        ),
      );
    try {
      // Read after the jobs were taken, so that none journaled after the change is sent as before it.
      const changedIn = await this.redis.get(remotesFenceKey(cluster));
      if (changedIn !== null && Number(changedIn) > version) {
        this.#staleVersion = Math.max(this.#staleVersion, version);
        void reload().catch(() => undefined);
        return 'stale';
      }
    } catch (error) {
      return failed(journalError(error, jobs[0]!.priority));
    }
    let last: RoostError | undefined;
    for (let i = 0; i < hosts.length; i++) {
      const host = hosts[(this.#turn + i) % hosts.length]!;
      try {
        await this.options.send(host, jobs, Deadline.after(sendDeadlineMs));
        this.#turn = (this.#turn + i) % hosts.length;
        if (!this.#backoff.rested) log.info({ cluster: remote }, 'a remote cluster accepts jobs again');
        this.#backoff.reset();
        this.#lastError = undefined;
        return { version, error: undefined };
      } catch (error) {
        last = RoostError.from(error);
        if (!last.retryable) return failed(last);
      }
    }
    if (this.#lastError === undefined || kindOf(this.#lastError) !== kindOf(last!))
      log.warn({ err: last, cluster: remote }, 'a remote cluster does not accept jobs; its backlog waits');
    this.#lastError = last;
    this.#pausedUntilMs = performance.now() + this.#backoff.next();
    return failed(last!);
  }
}

/** Tells troubles with different remedies apart: errors of one kind may have different texts. */
function kindOf({ code, cause, fields }: RoostError): string {
  const inner = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return [code, inner, fields['tls'] ?? ''].join(' ');
}

/** The other cluster does not know the job's kind or version until its servers are upgraded. */
const waitsForUpgrade = ({ fields }: RoostError): boolean => fields['unknownKind'] !== undefined;

const isNormal = ({ status }: RemoteHost): boolean => status === 'normal';
const isBlocked = (hosts: readonly RemoteHost[]): boolean => hosts.some(({ status }) => status === 'blocked');
