import { Deadline, Metrics, RoostError, silentLog, type Log, type RoostConfig } from '../core/index.js';
import type { DatabaseHost } from './hosts/databaseHost.js';
import { DatabaseHosts } from './hosts/databaseHosts.js';
import type { JobType } from './jobs/jobType.js';
import { Jobs } from './jobs/jobs.js';
import { NameServer } from './nameServer/nameServer.js';
import { nodeType } from './nodes/index.js';
import { readAny } from './routing/readAny.js';
import type { Leaf, Route } from './routing/route.js';
import type { ShardType } from './shardType.js';
import type { Change } from './topology/changes.js';
import type { Topology } from './topology/topology.js';
import { topologyWarnings } from './topology/topologyWarnings.js';

export interface GizzardOptions {
  readonly shardTypes: readonly ShardType[];
  readonly jobTypes: readonly JobType[];
  readonly log?: Log;
  readonly metrics?: Metrics;
}

/** Making a shard's tables takes no longer than this. */
const createDeadlineMs = 30_000;
/** What a clean shutdown gives the jobs in work. */
const closeGraceMs = 10_000;

/** A process's view of a cluster: its topology, its database hosts and its jobs. Knows nothing of what the shards hold. */
export class Gizzard {
  readonly hosts: DatabaseHosts;
  readonly nameServer: NameServer;
  readonly jobs: Jobs;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly #shardTypes: ReadonlyMap<string, ShardType>;

  /** Opens connections as they are needed; `nameServer.reload()` or `start()` gets the topology. */
  constructor(
    readonly config: RoostConfig,
    options: GizzardOptions,
  ) {
    this.log = options.log ?? silentLog;
    this.metrics = options.metrics ?? new Metrics();
    this.hosts = new DatabaseHosts(config, this.log);
    this.nameServer = NameServer.open(this.hosts, config.nameServer.hosts, config.cluster, this.log);
    this.#shardTypes = new Map(options.shardTypes.map((type) => [type.name, type]));
    this.jobs = new Jobs(config, options.jobTypes, () => this.topology, this.hosts, this.log, this.metrics);
  }

  get topology(): Topology {
    return this.nameServer.topology;
  }

  /** Loads the topology and keeps it fresh; with `work`, also takes jobs. */
  async start(options: { readonly work: boolean }): Promise<void> {
    await this.nameServer.reload();
    this.nameServer.watch(this.config.nameServer.reloadSeconds * 1000);
    if (options.work) await this.jobs.start();
  }

  /**
   * Changes the topology as one step. Tables of new leaves are made first, so that nothing is ever forwarded to a table that is not there;
   * when the change is refused they stay behind, empty. The audit says that it was made `by`, which is this process where absent.
   */
  async apply(changes: readonly Change[], by?: string): Promise<Topology> {
    for (const change of changes) {
      if (change.kind !== 'createShard' || nodeType(change.shard.type) !== undefined) continue;
      const { shard } = change;
      const type = this.#shardTypes.get(shard.type);
      if (type === undefined) {
        throw new RoostError('InvalidArgument', `there is no node type and no shard type ${shard.type}`, { fields: { type: shard.type } });
      }
      await type.create(this.hosts.host(shard.id.hostname), shard, Deadline.after(createDeadlineMs));
    }
    const topology = await this.nameServer.apply(changes, by);
    for (const warning of topologyWarnings(topology)) this.log.warn(warning);
    return topology;
  }

  /** Reads from one replica of a route; see `readAny`. */
  read<T>(route: Route, deadline: Deadline, read: (host: DatabaseHost, leaf: Leaf, deadline: Deadline) => Promise<T>): Promise<T> {
    return readAny(route, deadline, this.hosts.isHealthy, (leaf, within) => read(this.hosts.host(leaf.shard.id.hostname), leaf, within));
  }

  /** Finishes or hands back the jobs in work, and closes every connection. */
  async close(): Promise<void> {
    await this.nameServer.close();
    await this.jobs.close(closeGraceMs);
    await this.hosts.close();
  }
}
