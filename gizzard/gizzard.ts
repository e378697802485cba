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
import { ReplicaReads } from './routing/replicaReads.js';
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
  /** How jobs reach the injectors of remote clusters. Without it, a process that works leaves their backlogs to others. */
  readonly sendJobs?: SendJobs;
}

/** Making a shard's tables takes no longer than this. */
const createDeadlineMs = 30_000;
const announceDeadlineMs = 5_000;
/** What a clean shutdown gives the jobs in work. */
const closeGraceMs = 10_000;
/** A server says at least this often which topology it works with: steps of a migration wait for it. */
const maxBeatMs = 1_000;
/** Between looks for replicas whose control tables are behind. */
const minWatchMs = 250;
/** A promotion waits this long for the servers that are there to follow. */
const followDeadlineMs = 10_000;
const lookEveryMs = 100;
const dayMs = 86_400_000;

/** A process's view of a cluster: its topology, its hosts and its jobs. Knows nothing of what the shards hold. */
export class Gizzard {
  /** The hosts of all backends. */
  readonly hosts: Hosts;
  /** Those of MySQL, where the name server and the control tables are too. */
  readonly mysql: DatabaseHosts;
  /** Where the tables of shards are, on each host of MySQL. */
  readonly database: ShardDatabase;
  readonly nameServer: NameServer;
  /** What steers the cluster beside its topology, on every replica of the name server's database. */
  readonly control: Control;
  /** Compares the replicas of that database, and makes them the same. */
  readonly replicas: ReplicasHealth;
  readonly jobs: Jobs;
  /** What this process reads and writes, by tree and key. */
  readonly heat = new Heat();
  /** The copies, repairs and diffs of the cluster. */
  readonly moves: Moves;
  /** The transformations of the cluster. */
  readonly migrations: Migrations;
  /** Finds and puts right what half-done work has left behind. */
  readonly doctor: Doctor;
  /** Finds rows in shards of other keys, and moves them home. */
  readonly strays: Strays;
  /** Shards that were dropped, while their tables are kept. */
  readonly dropped: DroppedTables;
  /** Brings the name server and the shards to the schema of this release. */
  readonly upgrades: Upgrades;
  /** The servers of the cluster, and the topology that each works with. */
  readonly servers: Servers;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly #types = new RegisteredTypes();
  /** The attributes of shards in their forms, by the types that are registered. */
  readonly attributes = new AttributeForms(this.#types.shards);
  readonly #sweeper: DroppedSweeper;
  #started = false;
  #working = false;
  readonly #reads: ReplicaReads;

  /** Opens connections as they are needed. Stores `register` what they bring; then `start()`, or `nameServer.reload()`, gets the topology. */
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

  /** Takes in what a store brings, before `start`. Returns the Gizzard. Throws `InvalidArgument` for a type or a host whose name is taken. */
  register({ backends = [], ...types }: GizzardTypes): this {
    if (this.#started) throw new RoostError('FailedPrecondition', 'types are registered before a Gizzard starts');
    for (const backend of backends) this.hosts.add(backend);
    this.#types.add(types);
    return this;
  }

  /** Undefined where this process does not know the type. */
  shardType(name: string): ShardType | undefined {
    return this.#types.shards.get(name);
  }

  /** Undefined where this process does not know the kind. */
  jobType(kind: string): AnyJobType | undefined {
    return this.#types.jobs.get(kind);
  }

  get topology(): Topology {
    return this.nameServer.topology;
  }

  /** Loads the topology and keeps it fresh; with `work`, also takes jobs and moves data. */
  async start(options: { readonly work: boolean }): Promise<void> {
    this.#started = true;
    // The first read, or write, is not to wait for it.
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
        // The backlog waits until the host is allowed, or is no more.
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
   * Changes the topology as one step. Tables of new leaves are made first, so that nothing is ever forwarded to a table that is not there;
   * when the change is refused they stay behind, empty. The audit says that it was made `by`, which is this process where absent. With `onVersion` the change is refused
   * where the topology has become another one meanwhile, and with leaves on a host that holds none yet where a server does not know that host.
   */
  async apply(changes: readonly Change[], by?: string, onVersion?: number): Promise<Topology> {
    const leaves = changes.flatMap((change) =>
      change.kind === 'createShard' && nodeType(change.shard.type) === undefined
        ? [this.attributes.named(change.shard)]
        : [],
    );
    const creating = leaves.map((shard) => {
      // Its name is about to enter SQL.
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
   * Undoes one change of the audit, as a change of its own. Throws `NotFound`, `FailedPrecondition` where the tables of a shard that it would bring back are gone, and as `apply` where what
   * came later stands in the way.
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
   * Makes a host of the name server its primary, and waits for servers to follow, some seconds at most. Returns whether it was not, and the servers that do not follow yet. Throws as
   * `NameServer.promote` does.
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

  /** Gives the tables of a dropped shard their old name back, and lets a shard have that name. Throws as `DroppedTables.bringBack` does. */
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
    read: (
      host: H,
      leaves: readonly { readonly leaf: Leaf; readonly place: number }[],
      deadline: Deadline,
    ) => Promise<T>,
  ): Promise<T[]> {
    return this.#reads.together(routes, deadline, read);
  }

  /** Whether a replica has all writes that were answered as materialized, as far as is known here. */
  isCurrent(leaf: Leaf): Promise<boolean> {
    return this.#reads.isCurrent(leaf);
  }

  /** Finishes or hands back the jobs in work, and closes every connection. */
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

  /** Other servers hear of a change within a second or so; of where copies of writes go, all of them must know before it is answered. */
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

  /** A host that gets no copies may stay: it can still be taken out, or passed over. */
  #refuseRemotes(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'setRemoteHost' || change.host.status !== 'normal') continue;
      const refusal = refusalOfRemote(this.config, change.host);
      if (refusal !== undefined) throw refusal;
    }
  }

  /** Throws `FailedPrecondition` where a server's configuration lacks one of the hosts that hold no data yet: it could neither write nor read there. */
  async #requireKnown(hosts: readonly string[]): Promise<void> {
    const inUse = hostsInUse(this.topology);
    const lacking = await this.servers.lacking([...new Set(hosts)].filter((host) => !inUse.includes(host)).sort());
    if (lacking.length > 0) throw new RoostError('FailedPrecondition', `nothing was changed: ${lacking.join('; ')}`);
  }

  /** The oldest topology in use here: jobs in work keep the one they began with. */
  async #versionInUse(): Promise<number> {
    await this.nameServer.reload();
    return Math.min(this.topology.version, this.jobs.oldestVersion ?? Infinity);
  }
}
