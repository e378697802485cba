import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { RoostError, type Deadline, type Log, type Metrics, type RoostConfig, type WriteIdentity } from '../../core/index.js';
import type { DatabaseHosts } from '../hosts/databaseHosts.js';
import type { Topology } from '../topology/topology.js';
import { untilAppliedBefore } from './acceptedBefore.js';
import { jobFromJson } from './jobJson.js';
import { JobQueues } from './jobQueues.js';
import { JobRunner } from './jobRunner.js';
import type { JobType } from './jobType.js';
import { JobWorker } from './jobWorker.js';
import { Journal, journalError, StaleRemotes, type JobCopies, type NewJob, type QueueSizes } from './journal.js';
import { priorities, type Priority } from './priority.js';
import { connectRedis } from './redis.js';
import type { SendJobs } from './remoteRelay.js';
import { RemoteRelays } from './remoteRelays.js';
import { fenceKey, remotesFenceKey, streamKeys, writeKey } from './streamKeys.js';
import { Waiters } from './waiters.js';
import { raiseFenceScript } from './workerScripts.js';

export interface AppendOptions {
  readonly priority: Priority;
  /** Return only when every part of the job is on at least one replica that serves reads, and every replica that takes writes has it or has failed. */
  readonly waitUntilApplied: boolean;
  readonly deadline: Deadline;
  /** False for a job that came from another cluster, so that it does not go round for ever. */
  readonly replicate?: boolean;
  /** Absent: each time that the jobs come they are accepted anew. */
  readonly identity?: WriteIdentity;
}

/** Longer than a server is cut off from the name server unnoticed. It ends by itself, for a name server that was set back to an older state. */
const fenceSeconds = 86_400;

/** Several changes of remote clusters may come while one write is journalled. */
const maxLooksForRemotes = 3;

/** From the time that an idle cluster takes to that of a host which is away. */
const delayBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600];

/** The jobs of one process: it journals them, and works on those of the whole cluster once `start` was called. */
export class Jobs {
  readonly #journal: Journal;
  readonly #waiters: Waiters;
  readonly #connections: Redis[] = [];
  readonly #shared: Redis;
  readonly #workers: JobWorker[];
  readonly #runner: JobRunner;
  readonly #types: ReadonlyMap<string, JobType>;
  /** What operators do with the queues. */
  readonly queues: JobQueues;
  #relays: RemoteRelays | undefined;

  constructor(
    private readonly config: Pick<RoostConfig, 'cluster' | 'redis' | 'jobs' | 'pool'>,
    types: readonly JobType[],
    private readonly topology: () => Topology,
    hosts: DatabaseHosts,
    private readonly log: Log,
    private readonly metrics: Metrics,
    /** Looks for a newer topology. */
    private readonly reload: () => Promise<void> = () => Promise.resolve(),
  ) {
    const { cluster } = config;
    const server = randomUUID();
    const shared = this.#connect(config, log);
    this.#types = new Map(types.map((type) => [type.kind, type]));
    this.queues = new JobQueues(cluster, shared, this.#types);
    this.#shared = shared;
    this.#journal = new Journal(cluster, shared, config.jobs);
    this.#waiters = new Waiters(cluster, server, shared, this.#connect(config, log));
    const runner = (this.#runner = new JobRunner(types, topology, hosts, log, config.pool.queryTimeoutMs, (priority, jobs) => this.#journal.enqueue(priority, jobs)));
    const finished = metrics.counter('roost_jobs_total', 'Jobs by how an attempt at them ended', ['priority', 'outcome']);
    const delay = metrics.histogram('roost_job_delay_seconds', 'Time from a job being journalled to its being applied on every leaf', ['priority'], delayBuckets);
    this.#workers = priorities.map(
      (priority) =>
        new JobWorker(shared, this.#connect(config, log, true), {
          priority,
          keys: streamKeys(cluster)[priority],
          consumer: server,
          config: config.jobs,
          run: (job) => runner.run(job, priority),
          fence: { key: fenceKey(cluster), version: () => topology().version },
          paused: () => topology().state.pausedPriorities.includes(priority),
          tell: (waiter, error) => this.#waiters.tell(waiter, error),
          count: (outcome, ageMs) => {
            finished.inc({ priority, outcome });
            if (outcome === 'applied') delay.observe({ priority }, ageMs / 1000);
          },
          log,
        }),
    );
    metrics.gauge('roost_journal_up', "Whether the journal's Redis answers", [], async (gauge) => {
      const answers = this.#journal.sizes('high').then(
        () => 1,
        () => 0,
      );
      gauge.set(await answers);
    });
    metrics.gauge('roost_jobs', 'Jobs that are not applied yet, by where they wait; nothing while Redis does not answer', ['priority', 'queue'], async (gauge) => {
      gauge.reset();
      const looks = await Promise.allSettled(priorities.map((priority) => this.#journal.sizes(priority)));
      for (const [i, look] of looks.entries()) {
        if (look.status === 'fulfilled') for (const [queue, size] of Object.entries(look.value)) gauge.set({ priority: priorities[i]!, queue }, size as number);
      }
    });
  }

  /** Starts to work on jobs. A process that does not call it only journals them. */
  async start(): Promise<void> {
    await this.#journal.prepare();
    for (const worker of this.#workers) worker.start();
  }

  /** Starts to send jobs to the remote clusters that the topology names. `use` is to be called with each new topology. */
  relay(send: SendJobs): { use(topology: Topology): void } {
    const { cluster, jobs: config } = this.config;
    const { log, metrics } = this;
    this.#relays ??= new RemoteRelays({ cluster, config, redis: this.#shared, connect: () => this.#connect(this.config, log, true), send, reload: this.reload, log, metrics });
    this.#relays.use(this.topology());
    return this.#relays;
  }

  /** A job that a tool or another cluster wrote as JSON. Throws `InvalidArgument`, and `NotFound` where it is for a table that is not here. */
  parse(json: string): NewJob {
    const job = jobFromJson(this.#types, json);
    const topology = this.topology();
    this.#types.get(job.kind)!.split(job.payload, (tableId) => void topology.table(tableId));
    return job;
  }

  /**
   * Journals some jobs, all or none; those whose identity was accepted before are there already. Returns when they are in the journal or, with `waitUntilApplied`, when they
   * have been applied. Throws as `Journal.append` does; with `waitUntilApplied` also `Unavailable` and `DeadlineExceeded` for jobs that are accepted but not applied yet, whose
   * field `journalled` says so.
   */
  async append(jobs: readonly NewJob[], options: AppendOptions): Promise<void> {
    const { priority, deadline, identity } = options;
    const replicate = options.replicate ?? true;
    if (!options.waitUntilApplied) {
      await this.#append(priority, jobs, deadline, replicate, identity);
      return;
    }
    await deadline.race(this.#waiters.listen(), 'reaching the journal');
    const waiting = jobs.map((job) => ({ job, ...this.#waiters.register() }));
    let before: string | undefined;
    try {
      before = await this.#append(
        priority,
        waiting.map(({ job, waiter }) => ({ ...job, waiter })),
        deadline,
        replicate,
        identity,
      );
    } catch (error) {
      for (const { cancel } of waiting) cancel();
      throw error;
    }
    if (identity === undefined || before === undefined) {
      await Promise.all(waiting.map(({ applied }) => applied(deadline)));
      return;
    }
    for (const { cancel } of waiting) cancel();
    await untilAppliedBefore(this.#shared, writeKey(this.config.cluster, identity.id), before, priority, deadline);
  }

  /** The oldest topology under which this process still works on a job; undefined where none is in work. */
  get oldestVersion(): number | undefined {
    return this.#runner.oldestVersion;
  }

  /**
   * From now on jobs that were applied under an older topology than this do not count as applied: those that servers have in work are applied again. So what is
   * written from here on is on all leaves of this topology, whatever servers have missed it. Throws `Unavailable`.
   */
  requireTopology(version: number): Promise<void> {
    return this.#raise(fenceKey(this.config.cluster), version);
  }

  /**
   * From now on a write's copies go to the remote clusters of this topology, and to their hosts as it names them, whatever servers have missed it: a copy that
   * is being sent elsewhere does not count as sent. Throws `Unavailable`.
   */
  requireRemotes(version: number): Promise<void> {
    return this.#raise(remotesFenceKey(this.config.cluster), version);
  }

  sizes(priority: Priority): Promise<QueueSizes> {
    return this.#journal.sizes(priority);
  }

  get journal(): Journal {
    return this.#journal;
  }

  /** Stops the workers: jobs in work are finished within `graceMs` or handed back. Journalled jobs stay. */
  async close(graceMs: number): Promise<void> {
    try {
      await Promise.all([...this.#workers.map((worker) => worker.stop(graceMs)), this.#relays?.stop(graceMs)]);
    } finally {
      for (const connection of this.#connections) connection.disconnect();
    }
  }

  async #raise(key: string, version: number): Promise<void> {
    try {
      await this.#shared.eval(raiseFenceScript, 1, key, version, fenceSeconds);
    } catch (error) {
      throw journalError(error, 'high');
    }
  }

  async #append(priority: Priority, jobs: readonly NewJob[], deadline: Deadline, replicate: boolean, identity: WriteIdentity | undefined): Promise<string | undefined> {
    for (let attempt = 1; ; attempt++) {
      const copies = this.#copies(priority, replicate);
      try {
        return await this.#journal.append(priority, jobs, deadline, copies, identity);
      } catch (error) {
        if (!(error instanceof StaleRemotes)) throw error;
        await deadline.race(this.reload(), 'looking for the remote clusters');
        if (attempt === maxLooksForRemotes) {
          throw new RoostError('Unavailable', `the remote clusters have changed since topology ${copies.version}, and this server knows no newer one`, { fields: { version: copies.version } });
        }
      }
    }
  }

  #copies(priority: Priority, replicate: boolean): JobCopies {
    const { version, state } = this.topology();
    const { remoteHosts, fanouts } = state;
    return {
      version: replicate ? version : Number.MAX_SAFE_INTEGER,
      remotes: replicate ? [...new Set(remoteHosts.filter(({ status }) => status !== 'blackholed').map(({ cluster }) => cluster))] : [],
      fanouts: fanouts.filter((fanout) => fanout.priority === priority).map(({ suffix }) => suffix),
    };
  }

  #connect(config: Pick<RoostConfig, 'redis'>, log: Log, blocking = false): Redis {
    const connection = connectRedis(config.redis, log, { blocking });
    this.#connections.push(connection);
    return connection;
  }
}
