import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline, RoostError } from '../core/index.js';
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
import { nodeType } from './nodes/index.js';
import { Heat } from './routing/heat.js';
import { Hedge } from './routing/hedge.js';
import { ReplicaReads, type ReadTogether } from './routing/replicaReads.js';
import type { Leaf, Route } from './routing/route.js';
import { AttributeForms, checkAttributes } from './shardAttributes.js';
import { backendOf, newestSchema, type ShardType } from './shardType.js';
import { unknownHosts } from './topology/unknownHosts.js';
import { Upgrades } from './upgrades/upgrades.js';
import type { Change } from './topology/changes.js';
import { hostsInUse } from './topology/hostsInUse.js';
import type { Topology } from './topology/topology.js';
import { topologyWarnings } from './topology/topologyWarnings.js';
import { shardKey, validShardId } from './topology/types.js';

export interface GizzardOptions {
  readonly log?: Log;
  readonly metrics?: Metrics;
  /** Sends jobs to the injectors of remote clusters. Absent: this process leaves such backlogs to others. */
  readonly sendJobs?: SendJobs;
}

/** Limit for creating a shard's tables. */
const createDeadlineMs = 30_000;
const announceDeadlineMs = 5_000;
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
  readonly #types = new RegisteredTypes();
  /** Attributes of shards in their several forms, by registered type. */
  readonly attributes = new AttributeForms(this.#types.shards);
  readonly #sweeper: DroppedSweeper;
  #started = false;
  #working = false;
  readonly #reads: ReplicaReads;

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
    );
    this.#reads = new ReplicaReads(this.hosts, this.jobs.lagging, new Hedge(config.reads, this.metrics), this.heat);
    this.nameServer.onApply = (changes) => this.#refuseRemotes(changes);
    this.nameServer.onApplied = (changes, { version }) => this.#announce(changes, version);
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

  /**
   * Changes the topology in one step. Tables of new leaves are created first, so that nothing is ever forwarded to a
   * missing table; if the change is refused they stay, empty. The audit records `by`; absent: this process. With
   * `onVersion`, the change is refused if the topology has changed meanwhile. Leaves on a host that holds none yet
   * are refused if a server does not know that host.
   */
  async apply(changes: readonly Change[], by?: string, onVersion?: number): Promise<Topology> {
    const leaves = changes.flatMap((change) =>
      change.kind === 'createShard' && nodeType(change.shard.type) === undefined
        ? [this.attributes.named(change.shard)]
        : [],
    );
    const creating = leaves.map((shard) => {
      // Its name is about to become part of SQL.
      validShardId(shard.id);
      const type = this.#types.shards.get(shard.type);
      if (type === undefined) {
        throw new RoostError('InvalidArgument', `there is no node type and no shard type ${shard.type}`, {
          fields: { type: shard.type },
        });
      }
      checkAttributes(type, shard);
      const backend = this.hosts.backendOf(shard.id.hostname);
      if (backend.name !== backendOf(type))
        throw new RoostError(
          'InvalidArgument',
          `shards of type ${type.name} live on ${backendOf(type)}: ${shard.id.hostname} is a host of ${backend.name}`,
          { fields: { type: type.name, host: shard.id.hostname } },
        );
      return { type, shard, host: backend.host(shard.id.hostname) };
    });
    if (leaves.length > 0) {
      await this.nameServer.refuseSpent(leaves.map(({ id }) => id));
      await this.#requireKnown(leaves.map(({ id }) => id.hostname));
    }
    for (const { type, shard, host } of creating) await type.create(host, shard, Deadline.after(createDeadlineMs));
    const noted = changes.map((change): Change => {
      const schemaVersion = change.kind === 'createShard' ? newestSchema(this.#types.shards.get(change.shard.type)) : 1;
      return change.kind === 'createShard' && schemaVersion > 1
        ? { ...change, shard: { ...change.shard, schemaVersion } }
        : change;
    });
    const topology = await this.nameServer.apply(noted, by, onVersion === undefined ? {} : { onVersion });
    for (const warning of topologyWarnings(topology)) this.log.warn(warning);
    return topology;
  }

  /**
   * Undoes one audited change, as a new change. Throws `NotFound`, `FailedPrecondition` if a shard that would return
   * has lost its tables, and as `apply` if later changes conflict.
   */
  async undo(version: number, by?: string): Promise<Topology> {
    const inverse = await this.nameServer.inverseOf(version);
    for (const change of inverse) {
      if (change.kind !== 'createShard') continue;
      const { shard } = change;
      const movable = this.#types.shards.get(shard.type)?.moving;
      if (
        movable === undefined ||
        (await movable.holds(this.hosts.host(shard.id.hostname), shard, Deadline.after(createDeadlineMs)))
      )
        continue;
      throw new RoostError(
        'FailedPrecondition',
        `change ${version} cannot be undone: the tables of shard ${shardKey(shard.id)} are gone`,
        { fields: { version, shard: shardKey(shard.id) } },
      );
    }
    return this.nameServer.apply(inverse, by);
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

  /**
   * Other servers hear of a change within a second or so. For copies of writes to remote clusters, all servers must
   * know the change before it is answered.
   */
  async #announce(changes: readonly Change[], version: number): Promise<void> {
    if (!changes.some(({ kind }) => kind === 'setRemoteHost' || kind === 'removeRemoteHost')) return;
    try {
      await Deadline.after(announceDeadlineMs).race(
        this.jobs.requireRemotes(version),
        'announcing a change of remote clusters',
      );
    } catch (error) {
      throw new RoostError(
        'Unavailable',
        `the topology is changed (version ${version}), but the journal could not be told: until servers have reloaded, copies of writes may still go to the old remote hosts`,
        {
          cause: error,
          fields: { version },
        },
      );
    }
  }

  /** A host that gets no copies may stay: it can still be removed or skipped. */
  #refuseRemotes(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'setRemoteHost' || change.host.status !== 'normal') continue;
      const refusal = refusalOfRemote(this.config, change.host);
      if (refusal !== undefined) throw refusal;
    }
  }

  /**
   * Throws `FailedPrecondition` if a server's configuration lacks one of the hosts that hold no data yet: it could
   * neither write nor read there.
   */
  async #requireKnown(hosts: readonly string[]): Promise<void> {
    const inUse = hostsInUse(this.topology);
    const lacking = await this.servers.lacking([...new Set(hosts)].filter((host) => !inUse.includes(host)).sort());
    if (lacking.length > 0) throw new RoostError('FailedPrecondition', `nothing was changed: ${lacking.join('; ')}`);
  }

  /** The oldest topology in use here: running jobs keep the one that they began with. */
  async #versionInUse(): Promise<number> {
    await this.nameServer.reload();
    return Math.min(this.topology.version, this.jobs.oldestVersion ?? Infinity);
  }
}
