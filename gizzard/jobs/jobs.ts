import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import {
  Deadline,
  giveWay,
  JournalClock,
  limits,
  priorities,
  type Priority,
  RoostError,
  systemMicros,
  type Tracing,
  type WriteIdentity,
} from '../../core/index.js';
import type { DatabaseHosts } from '../../mysql/index.js';
import type { Log, Metrics, RoostConfig } from '../../process/index.js';
import { connectRedis, Sentinels, type RedisConnectOptions } from '../../redis/index.js';
import type { Hosts } from '../hosts.js';
import { Heat } from '../routing/heat.js';
import type { Topology } from '../topology/topology.js';
import { untilAppliedBefore } from './acceptedBefore.js';
import { EpochTable } from './epochTable.js';
import { Fence } from './fence.js';
import { jobFromJson } from './jobJson.js';
import { JobQueues } from './jobQueues.js';
import { JobRunner } from './jobRunner.js';
import type { AnyJobType } from './jobType.js';
import { JobWorker } from './jobWorker.js';
import { jobMetrics } from './jobMetrics.js';
import { Journal, journalError, StaleRemotes, type NewJob, type QueueSizes } from './journal.js';
import { JournalArchive } from './journalArchive.js';
import { JournalGuard } from './journalGuard.js';
import { laggingHosts, type LaggingHost } from './laggingHosts.js';
import { LaggingLeaves } from './laggingLeaves.js';
import { Notices } from './notices.js';
import { copiesOf } from './jobCopies.js';
import { QueueBounds } from './queueBounds.js';
import { readSettings, requireSettings, settingProblems, type RedisSettings } from './redisSettings.js';
import type { SendJobs } from './remoteRelay.js';
import { RemoteRelays } from './remoteRelays.js';
import { scripts } from './scripts.js';
import { fenceKey, remotesFenceKey, streamKeys, writeKey } from './streamKeys.js';
import type { UnknownJobs } from './unknownJobs.js';
import { WriterTable } from './writerTable.js';
import { Waiters } from './waiters.js';

export interface AppendOptions {
  readonly priority: Priority;
  /** Resolve only when every part of the job is on at least one replica that serves reads, and every writable replica has it or has failed. */
  readonly waitUntilApplied: boolean;
  readonly deadline: Deadline;
  /** False for a job from another cluster, so that it does not circulate for ever. */
  readonly replicate?: boolean;
  /** Absent: the jobs are accepted again each time they arrive. */
  readonly identity?: WriteIdentity | undefined;
}

/** Longer than a server can be cut off from the name server unnoticed. It expires, in case a name server is restored to an older state. */
const fenceSeconds = 86_400;

const settingsDeadlineMs = 3_000;

/** Remote clusters may change several times while one write is journaled. */
const maxLooksForRemotes = 3;
/** Time limit for a look at the queues. */
const lookDeadlineMs = 2_000;

/** Buckets of the delay until a job is applied, in seconds: from that in an idle cluster to that of a host that is down. */
const delayBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600];

/** The jobs of one process: it journals them, and after `start` also works on those of the whole cluster. */
export class Jobs {
  readonly #journal: Journal;
  readonly #waiters: Waiters;
  readonly #connections: Redis[] = [];
  readonly #shared: Redis;
  readonly #workers: JobWorker[];
  readonly #runner: JobRunner;
  readonly #types: ReadonlyMap<string, AnyJobType>;
  readonly #bounds: QueueBounds;
  /** Leaves that lack writes, and hosts with failing jobs. */
  readonly lagging: LaggingLeaves;
  /** Operators' access to the queues. */
  readonly queues: JobQueues;
  /** Whether Redis is the cluster's journal and accepts writes. */
  readonly guard: JournalGuard;
  /** The part of the journal that backups keep. */
  readonly archive: JournalArchive;
  /** What servers tell each other in passing. */
  readonly notices: Notices;
  /** The name by which this process takes jobs. */
  readonly worker = randomUUID();
  #relays: RemoteRelays | undefined;
  readonly #sentinels: Sentinels | undefined;

  constructor(
    private readonly config: Pick<
      RoostConfig,
      'cluster' | 'redis' | 'jobs' | 'journal' | 'nameServer' | 'pool' | 'server'
    >,
    /** By kind. Stores add theirs before `start`. */
    types: ReadonlyMap<string, AnyJobType>,
    private readonly topology: () => Topology,
    hosts: Hosts,
    /** Hosts that record the journal's epochs. */
    databases: DatabaseHosts,
    private readonly log: Log,
    private readonly metrics: Metrics,
    /** Checks for a newer topology. */
    private readonly reload: () => Promise<void> = () => Promise.resolve(),
    /** The same for many callers, who share checks. */
    lookAnew: () => Promise<void> = reload,
    /** Whether there are shards that this process cannot write properly. It then takes no jobs: others may know them. */
    unable: (topology: Topology) => boolean = () => false,
    heat: Heat = new Heat(),
    tracing?: Tracing,
  ) {
    const { cluster } = config;
    const shared = this.#connect(config, log);
    this.#types = types;
    this.queues = new JobQueues(cluster, shared, this.#types, config.jobs, log, () => {
      for (const worker of this.#workers) worker.lookNow();
    });
    this.#shared = shared;
    this.notices = new Notices(cluster, shared);
    const clock = new JournalClock();
    const nameServerHosts = config.nameServer.hosts.map((name) => databases.host(name));
    const epochs = new EpochTable(nameServerHosts, `${cluster}_nameserver`);
    const writers = new WriterTable(nameServerHosts, `${cluster}_nameserver`);
    if (config.redis.sentinels !== undefined) this.#sentinels = new Sentinels(config.redis, log);
    // A command in flight when this connection breaks fails at once: on the next connection it might reach another Redis before that was examined.
    this.guard = new JournalGuard(this.#connect(config, log, { retries: 0 }), epochs, writers, {
      cluster,
      replicas: config.journal.replicas,
      sentinels: this.#sentinels,
      maxClockSkewMs: config.server.maxClockSkewMs,
      clock,
      waiting: () => this.#waiting(),
      log,
      metrics,
    });
    this.archive = new JournalArchive(cluster, this.guard);
    this.#journal = new Journal(
      cluster,
      shared,
      config.jobs,
      this.guard,
      clock,
      (kind) => this.#types.get(kind)?.version ?? 1,
    );
    this.lagging = new LaggingLeaves(cluster, shared, log);
    this.#bounds = new QueueBounds(this.lagging, config.jobs, types, topology, log);
    this.#waiters = new Waiters(cluster, this.worker, shared, this.#connect(config, log));
    const runner = (this.#runner = new JobRunner(
      types,
      topology,
      hosts,
      log,
      config.pool.queryTimeoutMs,
      (priority, jobs, trace) => this.#journal.enqueue(priority, jobs, trace),
      lookAnew,
      unable,
      heat,
      tracing,
    ));
    const finished = metrics.counter('roost_jobs_total', 'Jobs by how an attempt at them ended', [
      'priority',
      'outcome',
    ]);
    const delay = metrics.histogram(
      'roost_job_delay_seconds',
      'Time from a job being journaled to its being applied on every leaf',
      ['priority'],
      delayBuckets,
    );
    this.#workers = priorities.map(
      (priority) =>
        new JobWorker(shared, this.#connect(config, log, { blocking: true }), {
          cluster,
          priority,
          keys: streamKeys(cluster)[priority],
          consumer: this.worker,
          config: config.jobs,
          run: (job) => runner.run(job, priority),
          fence: new Fence(fenceKey(cluster), () => topology().version, priority, log),
          guard: this.guard,
          intake: () => {
            if (unable(topology())) return 'unable';
            return topology().state.pausedPriorities.includes(priority) ? 'paused' : 'open';
          },
          callers: {
            tell: (waiter, error) => this.#waiters.tell(waiter, error),
            settled: async (mark, job) => {
              await this.lagging.knownEverywhere(mark);
              await runner.forget(job);
            },
          },
          count: (outcome, ageMs) => {
            finished.inc({ priority, outcome });
            if (outcome === 'applied') delay.observe({ priority }, ageMs / 1000);
          },
          log,
        }),
    );
    jobMetrics(metrics, this.#journal, this.archive, this.queues, this.lagging);
  }

  /**
   * Starts working on jobs. A process that does not call it only journals them. In a Redis that is not the journal nothing is created or taken until it is adopted. Throws `FailedPrecondition` if a setting of Redis could lose accepted writes, and
   * `Unavailable` if it does not answer.
   */
  async start(): Promise<void> {
    const refused = await this.guard.look().then(
      () => undefined,
      (error: unknown) => RoostError.from(error),
    );
    if (refused !== undefined && refused.fields['refusal'] === 'unreachable') throw refused;
    const problems = settingProblems(await this.settings(), this.config.journal);
    requireSettings(problems);
    for (const { message } of problems) this.log.warn(message);
    this.guard.start();
    if (this.guard.trusted) await this.#journal.prepare();
    for (const worker of this.#workers) worker.start();
  }

  /** Takes the jobs of a process that is known to be gone. */
  takeFrom = (gone: string): void => this.#workers.forEach((worker) => worker.takeFrom(gone));

  /** Starts sending jobs to the remote clusters in the topology. Call `use` with each new topology. */
  relay(send: SendJobs): { use(topology: Topology): void } {
    const { cluster, jobs: config } = this.config;
    const { log, metrics } = this;
    this.#relays ??= new RemoteRelays({
      cluster,
      config,
      redis: this.#shared,
      connect: () => this.#connect(this.config, log, { blocking: true }),
      guard: this.guard,
      send,
      reload: this.reload,
      log,
      metrics,
    });
    this.#relays.use(this.topology());
    return this.#relays;
  }

  /** Parses a job that a tool or another cluster wrote as JSON, in turns of the event loop. Throws `InvalidArgument` for one that no service would accept from a caller, and `NotFound` for an unknown table. */
  async parse(json: string): Promise<NewJob> {
    const job = await jobFromJson(this.#types, json);
    const topology = this.topology();
    const type = this.#types.get(job.kind)!;
    const version = job.version ?? type.version ?? 1;
    await giveWay();
    type.split?.(job.payload, (tableId) => void topology.table(tableId), version);
    await giveWay();
    type.check?.(job.payload, { topology, latest: systemMicros() + BigInt(limits.timeAheadMs) * 1_000n }, version);
    return job;
  }

  /**
   * Journals some jobs, all or none; those whose identity was accepted before are there already. Returns when they are in the journal or, with `waitUntilApplied`, when they
   * have been applied or, of those `alongside`, have failed. Throws as `Journal.append` does; with `waitUntilApplied` also `Unavailable` and `DeadlineExceeded` for jobs that are accepted but not applied yet, whose
   * field `journaled` says so.
   */
  async append(jobs: readonly NewJob[], options: AppendOptions): Promise<void> {
    const { priority, deadline, identity } = options;
    const replicate = options.replicate ?? true;
    const ready = options.waitUntilApplied ? deadline.race(this.#waiters.listen(), 'reaching the journal') : undefined;
    await Promise.all([this.#bounds.refuseFull(priority, jobs), ready]);
    if (!options.waitUntilApplied) {
      await this.#append(priority, jobs, deadline, replicate, identity);
      return;
    }
    const waiting = jobs.map((job) => ({ job, ...this.#waiters.register(job.alongside) }));
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
    // The worker does both before it notifies the server that journaled the write; this server was not notified.
    await this.lagging.allKnownEverywhere(deadline);
    await deadline.race(
      Promise.all(jobs.map((job) => this.#runner.forget(job))),
      'making caches forget what a replica lacks',
    );
  }

  /** The oldest topology of a running job here; undefined if none runs. */
  get oldestVersion(): number | undefined {
    return this.#runner.oldestVersion;
  }

  /** From now on jobs applied under an older topology do not count as applied, and running ones are applied again: everything written from here on reaches all leaves of this topology, whatever servers have missed. Throws `Unavailable`. */
  requireTopology(version: number): Promise<void> {
    return this.#raise(fenceKey(this.config.cluster), version);
  }

  /** From now on copies of writes go to the remote clusters and hosts of this topology, whatever servers have missed: a copy in flight elsewhere does not count as sent. Throws `Unavailable`. */
  requireRemotes(version: number): Promise<void> {
    return this.#raise(remotesFenceKey(this.config.cluster), version);
  }

  /** A job that failed on several hosts counts once for each. Throws `Unavailable` and `DeadlineExceeded`. */
  async sizes(priority: Priority): Promise<QueueSizes> {
    // The queue first: a job that begins to fail in between is counted twice rather than missed.
    const [queued, { hosts }] = await Promise.all([
      this.#journal.queued(priority),
      this.lagging.look(Deadline.after(lookDeadlineMs)),
    ]);
    const own = hosts.filter((one) => one.priority === priority);
    return {
      queued,
      failing: own.reduce((sum, { failing }) => sum + failing, 0),
      bad: own.reduce((sum, { bad }) => sum + bad, 0),
    };
  }

  /** All queues: unapplied jobs by priority, failing and given-up ones. Throws as `sizes`. */
  async status(): Promise<{
    readonly queued: Readonly<Record<Priority, number>>;
    readonly failing: number;
    readonly bad: number;
  }> {
    const [high, medium, low] = await Promise.all([this.sizes('high'), this.sizes('medium'), this.sizes('low')]);
    return {
      queued: { high: high.queued, medium: medium.queued, low: low.queued },
      failing: high.failing + medium.failing + low.failing,
      bad: high.bad + medium.bad + low.bad,
    };
  }

  /** Database hosts that lack writes. Throws `Unavailable` and `DeadlineExceeded`. */
  laggingHosts(): Promise<LaggingHost[]> {
    return laggingHosts(this.queues, this.lagging);
  }

  /** Failing jobs of kinds and versions that no server can apply yet. Throws `Unavailable`. */
  async unknown(): Promise<UnknownJobs[]> {
    return (await this.queues.status()).flatMap(({ unknown }) => unknown);
  }

  /** The settings of the journal's Redis. Throws `Unavailable`. */
  async settings(): Promise<RedisSettings> {
    try {
      return await Deadline.after(settingsDeadlineMs).race(
        readSettings(this.guard.redis),
        "reading the settings of the journal's Redis",
      );
    } catch (error) {
      throw journalError(error, 'high');
    }
  }

  get journal(): Journal {
    return this.#journal;
  }

  /** Stops the workers: running jobs are finished within `graceMs` or handed back. Journaled jobs stay. */
  async close(graceMs: number): Promise<void> {
    try {
      await Promise.all([...this.#workers.map((worker) => worker.stop(graceMs)), this.#relays?.stop(graceMs)]);
      await this.guard.stop();
    } finally {
      this.#waiters.close();
      for (const connection of this.#connections) connection.disconnect();
      this.#sentinels?.close();
    }
  }

  async #waiting(): Promise<number> {
    const sizes = await Promise.all(priorities.map((priority) => this.sizes(priority)));
    return sizes.reduce((sum, { queued, failing }) => sum + queued + failing, 0);
  }

  async #raise(key: string, version: number): Promise<void> {
    try {
      await scripts.raiseFence.run(this.#shared, { fence: key }, { version, seconds: fenceSeconds });
    } catch (error) {
      throw journalError(error, 'high');
    }
  }

  async #append(
    priority: Priority,
    jobs: readonly NewJob[],
    deadline: Deadline,
    replicate: boolean,
    identity: WriteIdentity | undefined,
  ): Promise<string | undefined> {
    for (let attempt = 1; ; attempt++) {
      const copies = copiesOf(this.topology(), priority, replicate);
      try {
        return await deadline.inSpan(
          'journal append',
          'producer',
          () => ({ 'roost.priority': priority, 'roost.jobs': jobs.length }),
          (within) => this.#journal.append(priority, jobs, within, copies, identity),
        );
      } catch (error) {
        if (!(error instanceof StaleRemotes)) throw error;
        await deadline.race(this.reload(), 'looking for the remote clusters');
        if (attempt === maxLooksForRemotes) {
          throw new RoostError(
            'Unavailable',
            `the remote clusters have changed since topology ${copies.version}, and this server knows no newer one`,
            { fields: { version: copies.version } },
          );
        }
      }
    }
  }

  #connect(config: Pick<RoostConfig, 'redis'>, log: Log, options: RedisConnectOptions = {}): Redis {
    const connection = connectRedis(config.redis, log, options);
    this.#connections.push(connection);
    return connection;
  }
}
