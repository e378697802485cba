import { Deadline, RoostError } from '../core/index.js';
import type { Log, RoostConfig } from '../process/index.js';
import type { Hosts } from './hosts.js';
import type { Jobs } from './jobs/jobs.js';
import { refusalOfRemote } from './jobs/refusalOfRemote.js';
import type { Servers } from './moving/servers.js';
import type { NameServer } from './nameServer/nameServer.js';
import { nodeType } from './nodes/index.js';
import { type AttributeForms, checkAttributes } from './shardAttributes.js';
import { backendOf, newestSchema, type ShardType } from './shardType.js';
import type { Change } from './topology/changes.js';
import { hostsInUse } from './topology/hostsInUse.js';
import type { Topology } from './topology/topology.js';
import { topologyWarnings } from './topology/topologyWarnings.js';
import { shardKey, validShardId } from './topology/types.js';

interface ChangedCluster {
  readonly nameServer: NameServer;
  readonly hosts: Hosts;
  readonly jobs: Jobs;
  readonly servers: Servers;
  readonly config: RoostConfig;
  readonly attributes: AttributeForms;
  /** By name. Stores may add theirs later. */
  readonly types: ReadonlyMap<string, ShardType>;
  readonly log: Log;
}

/** Limit for creating a shard's tables. */
const createDeadlineMs = 30_000;
const announceDeadlineMs = 5_000;

/**
 * Changes of the topology, and what they need beside the name server: tables of new leaves, servers that know their
 * hosts, and the journal's word to every server about changed remote clusters.
 */
export class TopologyChanges {
  constructor(private readonly of: ChangedCluster) {
    of.nameServer.onApply = (changes) => this.#refuseRemotes(changes);
    of.nameServer.onApplied = (changes, { version }) => this.#announce(changes, version);
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
        ? [this.of.attributes.named(change.shard)]
        : [],
    );
    const creating = leaves.map((shard) => {
      // Its name is about to become part of SQL.
      validShardId(shard.id);
      const type = this.of.types.get(shard.type);
      if (type === undefined) {
        throw new RoostError('InvalidArgument', `there is no node type and no shard type ${shard.type}`, {
          fields: { type: shard.type },
        });
      }
      checkAttributes(type, shard);
      const backend = this.of.hosts.backendOf(shard.id.hostname);
      if (backend.name !== backendOf(type))
        throw new RoostError(
          'InvalidArgument',
          `shards of type ${type.name} live on ${backendOf(type)}: ${shard.id.hostname} is a host of ${backend.name}`,
          { fields: { type: type.name, host: shard.id.hostname } },
        );
      return { type, shard, host: backend.host(shard.id.hostname) };
    });
    if (leaves.length > 0) {
      await this.of.nameServer.refuseSpent(leaves.map(({ id }) => id));
      await this.#requireKnown(leaves.map(({ id }) => id.hostname));
    }
    for (const { type, shard, host } of creating) await type.create(host, shard, Deadline.after(createDeadlineMs));
    const noted = changes.map((change): Change => {
      const schemaVersion = change.kind === 'createShard' ? newestSchema(this.of.types.get(change.shard.type)) : 1;
      return change.kind === 'createShard' && schemaVersion > 1
        ? { ...change, shard: { ...change.shard, schemaVersion } }
        : change;
    });
    const topology = await this.of.nameServer.apply(noted, by, onVersion === undefined ? {} : { onVersion });
    for (const warning of topologyWarnings(topology)) this.of.log.warn(warning);
    return topology;
  }

  /**
   * Undoes one audited change, as a new change. Throws `NotFound`, `FailedPrecondition` if a shard that would return
   * has lost its tables, and as `apply` if later changes conflict.
   */
  async undo(version: number, by?: string): Promise<Topology> {
    const inverse = await this.of.nameServer.inverseOf(version);
    for (const change of inverse) {
      if (change.kind !== 'createShard') continue;
      const { shard } = change;
      const movable = this.of.types.get(shard.type)?.moving;
      if (
        movable === undefined ||
        (await movable.holds(this.of.hosts.host(shard.id.hostname), shard, Deadline.after(createDeadlineMs)))
      )
        continue;
      throw new RoostError(
        'FailedPrecondition',
        `change ${version} cannot be undone: the tables of shard ${shardKey(shard.id)} are gone`,
        { fields: { version, shard: shardKey(shard.id) } },
      );
    }
    return this.of.nameServer.apply(inverse, by);
  }

  /**
   * Other servers hear of a change within a second or so. For copies of writes to remote clusters, all servers must
   * know the change before it is answered.
   */
  async #announce(changes: readonly Change[], version: number): Promise<void> {
    if (!changes.some(({ kind }) => kind === 'setRemoteHost' || kind === 'removeRemoteHost')) return;
    try {
      await Deadline.after(announceDeadlineMs).race(
        this.of.jobs.requireRemotes(version),
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
      const refusal = refusalOfRemote(this.of.config, change.host);
      if (refusal !== undefined) throw refusal;
    }
  }

  /**
   * Throws `FailedPrecondition` if a server's configuration lacks one of the hosts that hold no data yet: it could
   * neither write nor read there.
   */
  async #requireKnown(hosts: readonly string[]): Promise<void> {
    const inUse = hostsInUse(this.of.nameServer.topology);
    const lacking = await this.of.servers.lacking([...new Set(hosts)].filter((host) => !inUse.includes(host)).sort());
    if (lacking.length > 0) throw new RoostError('FailedPrecondition', `nothing was changed: ${lacking.join('; ')}`);
  }
}
