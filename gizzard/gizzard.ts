import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline, type OpenTelemetry, RoostError, Tracing } from '../core/index.js';
import { Control } from './control/control.js';
import { ControlStore } from './control/controlStore.js';
import { ReplicasHealth } from './control/replicasHealth.js';
import { Doctor } from './doctor/doctor.js';
import { DatabaseHosts, mysqlBackend, ShardDatabase } from '../mysql/index.js';
import { Metrics, silentLog, type Log, type RoostConfig } from '../process/index.js';
import type { DroppedShard, Host } from './backend.js';
import { Hosts } from './hosts.js';
import type { AnyJobType } from './jobs/jobType.js';
import { Jobs } from './jobs/jobs.js';
import { refusalOfRemote } from './jobs/refusalOfRemote.js';
import type { SendJobs } from './jobs/remoteRelay.js';
import { Migrations } from './migrations/migrations.js';
import { configDigest } from './moving/configDigest.js';
import { DroppedSweeper } from './moving/droppedSweeper.js';
import { DroppedTables } from './moving/droppedTables.js';
import { Moves } from './moving/moves.js';
import { MovesDatabase } from './moving/movesDatabase.js';
import { Servers, type ServerDescription, type ServerVersion } from './moving/servers.js';
import { Strays } from './moving/strays.js';
import { NameServer } from './nameServer/nameServer.js';
import { RegisteredTypes, type GizzardTypes } from './registeredTypes.js';
import { Heat } from './routing/heat.js';
import { Hedge } from './routing/hedge.js';
import { ReplicaReads, type ReadTogether } from './routing/replicaReads.js';
import type { Leaf, Route } from './routing/route.js';
import { AttributeForms } from './shardAttributes.js';
import type { ShardType } from './shardType.js';
import { unknownHosts } from './topology/unknownHosts.js';
import { Upgrades } from './upgrades/upgrades.js';
import type { Change } from './topology/changes.js';
import type { Topology } from './topology/topology.js';
import { TopologyChanges } from './topologyChanges.js';

export interface GizzardOptions {
  readonly log?: Log;
  readonly metrics?: Metrics;
  /** Sends jobs to the injectors of remote clusters. Absent: this process leaves such backlogs to others. */
  readonly sendJobs?: SendJobs;
  /** The package `@opentelemetry/api`. Absent: jobs, reads and statements are not traced. */
  readonly openTelemetry?: OpenTelemetry | undefined;
}

/** Time that a clean shutdown leaves running jobs. */
const closeGraceMs = 10_000;
/** A server reports its topology at least this often: steps of migrations wait for it. */
const maxBeatMs = 1_000;
/** Pause between looks for replicas with outdated control tables. */
const minWatchMs = 250;
/** A promotion waits this long for running servers to follow. */
const followDeadlineMs = 10_000;
const lookEveryMs = 100;
const dayMs = 86_400_000;

/** One process's view of a cluster: topology, hosts and jobs. Knows nothing of the shards' content. */
export class Gizzard {
  /** The hosts of all backends. */
  readonly hosts: Hosts;
  /** The MySQL hosts, which also hold the name server and the control tables. */
  readonly mysql: DatabaseHosts;
  /** Where shards' tables are on each MySQL host. */
  readonly database: ShardDatabase;
  readonly nameServer: NameServer;
  /** The control tables, on every replica of the name server's database. */
  readonly control: Control;
  /** Compares the replicas of that database, and makes them equal. */
  readonly replicas: ReplicasHealth;
  readonly jobs: Jobs;
  /** What this process reads and writes, by tree and key. */
  readonly heat = new Heat();
  /** Copies, repairs and diffs. */
  readonly moves: Moves;
  /** Transformations of the topology. */
  readonly migrations: Migrations;
  /** Finds and removes leftovers of half-done work. */
  readonly doctor: Doctor;
  /** Finds rows in the wrong shard, and moves them home. */
  readonly strays: Strays;
  /** Dropped shards with tables that are still kept. */
  readonly dropped: DroppedTables;
  /** Brings the name server and the shards to this release's schema. */
  readonly upgrades: Upgrades;
  /** The cluster's servers, with the topology that each works with. */
  readonly servers: Servers;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Continues clients' traces. Absent: this process traces nothing. */
  readonly tracing: Tracing | undefined;
  readonly #types = new RegisteredTypes();
  /** Attributes of shards in their several forms, by registered type. */
  readonly attributes = new AttributeForms(this.#types.shards);
  readonly #sweeper: DroppedSweeper;
  #started = false;
  #working = false;
  readonly #reads: ReplicaReads;
  readonly #changes: TopologyChanges;

  /**
   * Opens connections on demand. Stores `register` their types; then `start()` or `nameServer.reload()` loads the
   * topology.
   */
  constructor(
    readonly config: RoostConfig,
    private readonly options: GizzardOptions = {},
  ) {
    this.log = options.log ?? silentLog;
    this.metrics = options.metrics ?? new Metrics();
    this.tracing = options.openTelemetry === undefined ? undefined : new Tracing(options.openTelemetry);
    this.mysql = new DatabaseHosts(config, this.log, this.metrics);
    this.hosts = new Hosts(this.metrics);
    this.database = new ShardDatabase(config.cluster);
    this.hosts.add(mysqlBackend(this.mysql, this.database, config.pool.size));
    this.nameServer = NameServer.open(
      this.mysql,
      config.nameServer,
      config.cluster,
      this.log,
      this.metrics,
      this.attributes,
    );
    this.jobs = new Jobs(
      config,
      this.#types.jobs,
      () => this.topology,
      this.hosts,
      this.mysql,
      this.log,
      this.metrics,
      () => this.nameServer.reload(),
      () => this.nameServer.lookAnew(),
      (topology) => unknownHosts(this.hosts, topology).length > 0 || this.upgrades.newerShard(topology) !== undefined,
      this.heat,
      this.tracing,
    );
    this.#reads = new ReplicaReads(this.hosts, this.jobs.lagging, new Hedge(config.reads, this.metrics), this.heat);
    const server = randomUUID();
    this.control = new Control(
      config.nameServer.hosts.map((name) => new ControlStore(this.mysql.host(name), `${config.cluster}_nameserver`)),
      this.log,
      this.nameServer.replicas.primary,
    );
    this.replicas = new ReplicasHealth(this.nameServer, this.control);
    const database = new MovesDatabase(this.control, this.attributes);
    const require = (version: number): Promise<void> => this.jobs.requireTopology(version);
    const state = (): ServerDescription => ({
      refuses: this.jobs.guard.refused?.message ?? '',
      hosts: this.hosts.names.join('\n'),
      primary: this.control.host.name,
      config: configDigest(config, this.#types.settings),
    });
    this.servers = new Servers(this.control, server, () => this.#versionInUse(), require, this.log, state);
    this.#changes = new TopologyChanges({
      nameServer: this.nameServer,
      hosts: this.hosts,
      jobs: this.jobs,
      servers: this.servers,
      config,
      attributes: this.attributes,
      types: this.#types.shards,
      log: this.log,
    });
    this.hosts.serverName = () => (this.#working ? this.servers.name : undefined);
    this.moves = new Moves(
      database,
      server,
      this.hosts,
      this.nameServer,
      require,
      this.#types.shards,
      config.moves,
      this.log,
    );
    this.dropped = new DroppedTables(this.hosts, (type) => this.moves.movableType(type), this.attributes);
    this.#sweeper = new DroppedSweeper(
      this.dropped,
      () => this.hosts.names,
      () => this.jobs.journal.nowMs(),
      this.log,
    );
    const { hosts, nameServer, servers, moves, dropped } = this;
    const keepDroppedMs = config.moves.undropDays * dayMs;
    this.migrations = new Migrations(
      database,
      server,
      {
        hosts,
        nameServer,
        servers,
        moves,
        dropped,
        keepDroppedMs,
        types: this.#types.shards,
        reloadMs: config.nameServer.reloadSeconds * 1000,
        leaveHostAfterMs: config.moves.leaveHostAfterSeconds * 1000,
      },
      config,
      this.log,
    );
    this.upgrades = new Upgrades({ nameServer, control: this.control, hosts, types: this.#types.shards, require });
    this.strays = new Strays(
      nameServer,
      hosts,
      (type) => moves.movableType(type),
      () => this.migrations.reservations(),
      (deadline, work) => moves.locked(deadline, work),
      () => moves.ratesBeside(),
    );
    this.doctor = new Doctor(
      {
        nameServer,
        replicas: this.replicas,
        hosts,
        moves,
        dropped,
        keepDroppedMs,
        migrations: this.migrations,
        jobs: this.jobs,
        servers,
        config,
        types: this.#types.shards,
      },
      this.#types.checks,
    );
  }

  /**
   * Registers a store's types, before `start`. Returns the Gizzard. Throws `InvalidArgument` if a type's or host's
   * name is taken.
   */
  register({ backends = [], ...types }: GizzardTypes): this {
    if (this.#started) throw new RoostError('FailedPrecondition', 'types are registered before a Gizzard starts');
    for (const backend of backends) this.hosts.add(backend);
    this.#types.add(types);
    return this;
  }

  /** Undefined if this process does not know the type. */
  shardType(name: string): ShardType | undefined {
    return this.#types.shards.get(name);
  }

  /** Undefined if this process does not know the kind. */
  jobType(kind: string): AnyJobType | undefined {
    return this.#types.jobs.get(kind);
  }

  get topology(): Topology {
    return this.nameServer.topology;
  }

  /** Loads the topology and keeps it fresh; with `work`, also takes jobs and moves data. */
  async start(options: { readonly work: boolean }): Promise<void> {
    this.#started = true;
    // Started early, so that the first read or write does not wait for it.
    void this.jobs.lagging.fresh();
    await this.nameServer.reload();
    await this.upgrades.requireKnown();
    this.nameServer.watch(this.config.nameServer.reloadSeconds * 1000);
    if (!options.work) return;
    await this.nameServer.replicas.followPrimary();
    this.#working = true;
    this.control.watch(Math.max(minWatchMs, this.config.nameServer.reloadSeconds * 1000));
    await this.jobs.start();
    const { sendJobs } = this.options;
    if (sendJobs !== undefined) {
      const relays = this.jobs.relay(async (remote, jobs, deadline) => {
        const refusal = refusalOfRemote(this.config, remote);
        // The backlog waits until the host is allowed or removed.
        if (refusal !== undefined) throw new RoostError('Unavailable', refusal.message, { cause: refusal });
        return sendJobs(remote, jobs, deadline);
      });
      this.nameServer.onChange((topology) => relays.use(topology));
    }
    this.servers.start(Math.min(maxBeatMs, this.config.nameServer.reloadSeconds * 1000));
    this.moves.start();
    this.migrations.start();
    this.#sweeper.start();
  }

  /** See `TopologyChanges.apply`. */
  apply(changes: readonly Change[], by?: string, onVersion?: number): Promise<Topology> {
    return this.#changes.apply(changes, by, onVersion);
  }

  /** See `TopologyChanges.undo`. */
  undo(version: number, by?: string): Promise<Topology> {
    return this.#changes.undo(version, by);
  }

  /**
   * Makes a host of the name server its primary, and waits some seconds for servers to follow. Returns whether it was
   * not primary before, and the servers that have not followed yet. Throws as `NameServer.promote`.
   */
  async promote(
    hostname: string,
    by?: string,
  ): Promise<{ readonly promoted: boolean; readonly version: number; readonly behind: readonly ServerVersion[] }> {
    const promoted = await this.nameServer.promote(hostname, by);
    // Brings it up to date, so that it can serve at once.
    await this.control.prepare();
    const version = this.topology.version;
    for (const deadline = Deadline.after(followDeadlineMs); ; await sleep(lookEveryMs)) {
      const behind = (await this.servers.list()).filter(({ info }) => info['primary'] !== hostname);
      if (behind.length === 0 || deadline.passed) return { promoted, version, behind };
    }
  }

  /**
   * Renames the tables of a dropped shard back, and lets a shard use that name. Throws as `DroppedTables.bringBack`.
   */
  async undrop(dropped: DroppedShard, by?: string): Promise<void> {
    await this.dropped.bringBack(dropped);
    await this.nameServer.revive([dropped.shard.id], by);
  }

  /** Reads from one replica of a route: see `ReplicaReads.one`. */
  read<T, H extends Host>(
    route: Route,
    deadline: Deadline,
    read: (host: H, leaf: Leaf, deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    return this.#reads.one(route, deadline, read);
  }

  /** Reads from several routes: see `ReplicaReads.together`. */
  readTogether<T, H extends Host>(
    routes: readonly Route[],
    deadline: Deadline,
    read: ReadTogether<T, H>,
  ): Promise<T[]> {
    return this.#reads.together(routes, deadline, read);
  }

  /** Whether a replica has all writes that were answered as materialized, as far as is known here. */
  isCurrent(leaf: Leaf): Promise<boolean> {
    return this.#reads.isCurrent(leaf);
  }

  /** Finishes running jobs or hands them back, and closes every connection. */
  async close(): Promise<void> {
    try {
      await this.nameServer.close();
      await this.control.close();
      await this.#sweeper.stop();
      await this.migrations.stop();
      await this.moves.stop();
    } finally {
      await this.jobs.close(closeGraceMs);
      if (this.#working) await this.servers.stop();
      await this.hosts.close();
    }
  }

  /** The oldest topology in use here: running jobs keep the one that they began with. */
  async #versionInUse(): Promise<number> {
    await this.nameServer.reload();
    return Math.min(this.topology.version, this.jobs.oldestVersion ?? Infinity);
  }
}
