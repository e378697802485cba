import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Deadline, Log, Metrics, RoostConfig } from '../../core/index.js';
import type { DatabaseHosts } from '../hosts/databaseHosts.js';
import type { Topology } from '../topology/topology.js';
import { JobRunner } from './jobRunner.js';
import type { JobType } from './jobType.js';
import { JobWorker } from './jobWorker.js';
import { Journal, type NewJob, type QueueSizes } from './journal.js';
import { priorities, type Priority } from './priority.js';
import { connectRedis } from './redis.js';
import { streamKeys } from './streamKeys.js';
import { Waiters } from './waiters.js';

export interface AppendOptions {
  readonly priority: Priority;
  /** Return only when every part of the job is on at least one replica, and every replica that takes writes has it or has failed. */
  readonly waitUntilApplied: boolean;
  readonly deadline: Deadline;
}

/** The jobs of one process: it journals them, and works on those of the whole cluster once `start` was called. */
export class Jobs {
  readonly #journal: Journal;
  readonly #waiters: Waiters;
  readonly #connections: Redis[] = [];
  readonly #workers: JobWorker[];
  readonly #runner: JobRunner;
  #listening: Promise<void> | undefined;

  constructor(
    config: Pick<RoostConfig, 'cluster' | 'redis' | 'jobs' | 'pool'>,
    types: readonly JobType[],
    topology: () => Topology,
    hosts: DatabaseHosts,
    log: Log,
    metrics: Metrics,
  ) {
    const { cluster } = config;
    const server = randomUUID();
    const shared = this.#connect(config, log);
    this.#journal = new Journal(cluster, shared, config.jobs);
    this.#waiters = new Waiters(cluster, server, shared, this.#connect(config, log));
    const runner = (this.#runner = new JobRunner(types, topology, hosts, log, config.pool.queryTimeoutMs, (priority, jobs) => this.#journal.enqueue(priority, jobs)));
    const finished = metrics.counter('roost_jobs_total', 'Jobs by how an attempt at them ended', ['priority', 'outcome']);
    this.#workers = priorities.map(
      (priority) =>
        new JobWorker(shared, this.#connect(config, log, true), {
          priority,
          keys: streamKeys(cluster)[priority],
          consumer: server,
          config: config.jobs,
          run: (job) => runner.run(job, priority),
          tell: (waiter, error) => this.#waiters.tell(waiter, error),
          count: (outcome) => finished.inc({ priority, outcome }),
          log,
        }),
    );
    metrics.gauge('roost_jobs', 'Jobs that are not applied yet, by where they wait', ['priority', 'queue'], async (gauge) => {
      for (const priority of priorities) {
        const sizes = await this.#journal.sizes(priority);
        for (const [queue, size] of Object.entries(sizes)) gauge.set({ priority, queue }, size as number);
      }
    });
  }

  /** Starts to work on jobs. A process that does not call it only journals them. */
  async start(): Promise<void> {
    await this.#journal.prepare();
    for (const worker of this.#workers) worker.start();
  }

  /**
   * Journals some jobs, all or none. Returns when they are in the journal or, with `waitUntilApplied`, when they have been applied.
   * Throws as `Journal.append` does; with `waitUntilApplied` also `Unavailable` and `DeadlineExceeded` for jobs that are accepted but not applied yet.
   */
  async append(jobs: readonly NewJob[], options: AppendOptions): Promise<void> {
    const { priority, deadline } = options;
    if (!options.waitUntilApplied) {
      await this.#journal.append(priority, jobs, deadline);
      return;
    }
    this.#listening ??= this.#waiters.start();
    await deadline.race(this.#listening, 'reaching the journal');
    const waiting = jobs.map((job) => ({ job, ...this.#waiters.register() }));
    try {
      await this.#journal.append(
        priority,
        waiting.map(({ job, waiter }) => ({ ...job, waiter })),
        deadline,
      );
    } catch (error) {
      for (const { cancel } of waiting) cancel();
      throw error;
    }
    await Promise.all(waiting.map(({ applied }) => applied(deadline)));
  }

  /** The oldest topology under which this process still works on a job; undefined where none is in work. */
  get oldestVersion(): number | undefined {
    return this.#runner.oldestVersion;
  }

  sizes(priority: Priority): Promise<QueueSizes> {
    return this.#journal.sizes(priority);
  }

  get journal(): Journal {
    return this.#journal;
  }

  /** Stops the workers: jobs in work are finished within `graceMs` or handed back. Journalled jobs stay. */
  async close(graceMs: number): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop(graceMs)));
    for (const connection of this.#connections) connection.disconnect();
  }

  #connect(config: Pick<RoostConfig, 'redis'>, log: Log, blocking = false): Redis {
    const connection = connectRedis(config.redis, log, { blocking });
    this.#connections.push(connection);
    return connection;
  }
}
