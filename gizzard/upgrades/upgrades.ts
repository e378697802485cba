import { chunks, Deadline, groupBy, RoostError } from '../../core/index.js';
import type { Control } from '../control/control.js';
import type { Hosts } from '../hosts.js';
import { nodeType } from '../nodes/index.js';
import type { NameServer } from '../nameServer/nameServer.js';
import type { NameServerStore } from '../nameServer/nameServerStore.js';
import { nameServerSchema, nameServerUpgrades } from '../nameServer/nameServerTables.js';
import { newestSchema, type ShardType } from '../shardType.js';
import type { Change } from '../topology/changes.js';
import type { Topology } from '../topology/topology.js';
import { shardKey, type ShardInfo } from '../topology/types.js';

const lookDeadlineMs = 5_000;
/** Limit for one step of one shard; a large table takes long to rebuild. */
const stepDeadlineMs = 3_600_000;
/** Shards whose new versions are noted in one topology change. */
const shardsPerChange = 64;

/** An outdated schema: of a name server replica, or of a shard. */
export interface PendingUpgrade {
  readonly host: string;
  /** Absent: the name server's tables on that host. */
  readonly shard?: ShardInfo;
  readonly from: number;
  readonly to: number;
  /** The effect of each step, in order. */
  readonly steps: readonly string[];
}

export interface UpgradesEnvironment {
  readonly nameServer: NameServer;
  readonly control: Control;
  readonly hosts: Hosts;
  readonly types: ReadonlyMap<string, ShardType>;
  /** Requires that jobs be applied under no older topology from now on. */
  readonly require: (version: number) => Promise<void>;
}

/**
 * Brings a cluster's tables to this release's schema while it serves. Every step is idempotent, and a version is
 * noted once its steps are done: an interrupted run continues when it is repeated, also by several processes at once.
 */
export class Upgrades {
  /** Looked up once for each topology. */
  readonly #newer = new WeakMap<Topology, { readonly shard: ShardInfo | undefined }>();

  constructor(private readonly environment: UpgradesEnvironment) {}

  /**
   * Throws `FailedPrecondition` if a name server replica has a newer schema than this release knows. Replicas that do
   * not answer do not count.
   */
  async requireKnown(): Promise<void> {
    const newer = (await this.#nameServer()).find(({ version }) => version !== undefined && version > nameServerSchema);
    if (newer === undefined) return;
    throw new RoostError(
      'FailedPrecondition',
      `the name server on ${newer.store.host.name} has schema version ${newer.version}, and this release knows those up to ${nameServerSchema}: run a newer release`,
      { fields: { host: newer.store.host.name } },
    );
  }

  /**
   * A shard with a newer schema than this process knows; undefined if there is none. Such a process writes nothing:
   * it takes no jobs, and hands back those it has taken, since others may know the schema.
   */
  newerShard(topology: Topology): ShardInfo | undefined {
    let found = this.#newer.get(topology);
    if (found === undefined) {
      const isNewer = ({ type, schemaVersion = 1 }: ShardInfo): boolean =>
        schemaVersion > newestSchema(this.environment.types.get(type));
      this.#newer.set(topology, (found = { shard: topology.state.shards.find(isNewer) }));
    }
    return found.shard;
  }

  /**
   * Everything outdated: the name server first, then the shards by host. Throws `Unavailable` if a name server
   * replica does not answer.
   */
  async plan(): Promise<PendingUpgrade[]> {
    await this.environment.nameServer.reload();
    const looks = await this.#nameServer();
    const replicas = looks.flatMap(({ store, version, error }): PendingUpgrade[] => {
      if (error !== undefined) throw error;
      if (version === undefined || version >= nameServerSchema) return [];
      const steps = nameServerUpgrades.slice(version - 1);
      return [{ host: store.host.name, from: version, to: nameServerSchema, steps }];
    });
    const shards = this.environment.nameServer.topology.state.shards.flatMap((shard): PendingUpgrade[] => {
      const type = this.environment.types.get(shard.type);
      const [from, to] = [shard.schemaVersion ?? 1, newestSchema(type)];
      if (nodeType(shard.type) !== undefined || from >= to) return [];
      const steps = type!.upgrades!.slice(from - 1).map(({ title }) => title);
      return [{ host: shard.id.hostname, shard, from, to, steps }];
    });
    return [...replicas, ...shards.sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0))];
  }

  /**
   * Carries out a plan: the name server's replicas in turn, then shards, one at a time on each host. Throws the first
   * failure of a host once the others are done; completed upgrades stay. `onDone` is told each upgrade once it is
   * noted. A signal ends it after the running steps.
   */
  async run(
    plan: readonly PendingUpgrade[],
    by: string,
    { onDone, signal }: { readonly onDone?: (upgrade: PendingUpgrade) => void; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    for (const upgrade of plan) {
      if (upgrade.shard !== undefined) continue;
      signal?.throwIfAborted();
      await this.#upgradeReplica(upgrade);
      onDone?.(upgrade);
    }
    const byHost = groupBy(
      plan.filter(({ shard }) => shard !== undefined),
      ({ host }) => host,
    );
    const ends = await Promise.allSettled(
      Array.from(byHost.values(), async (upgrades) => {
        for (const some of chunks(upgrades, shardsPerChange)) {
          for (const upgrade of some) {
            signal?.throwIfAborted();
            await this.#upgradeShard(upgrade);
          }
          await this.#note(some, by);
          for (const upgrade of some) onDone?.(upgrade);
        }
      }),
    );
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #nameServer(): Promise<
    { readonly store: NameServerStore; readonly version: number | undefined; readonly error?: RoostError }[]
  > {
    return Promise.all(
      this.environment.nameServer.replicas.stores.map(async (store) => {
        try {
          const deadline = Deadline.after(lookDeadlineMs);
          const what = `asking ${store.host.name} for its schema version`;
          return { store, version: await deadline.race(store.schema.version(deadline), what) };
        } catch (error) {
          return { store, version: undefined, error: RoostError.from(error) };
        }
      }),
    );
  }

  async #upgradeReplica({ host, to }: PendingUpgrade): Promise<void> {
    const { nameServer, control } = this.environment;
    // Creates missing tables and columns.
    await nameServer.create();
    await control.prepare();
    const store = nameServer.replicas.stores.find((one) => one.host.name === host)!;
    await store.nameAttributes(Deadline.after(stepDeadlineMs));
    await store.schema.note(to, Deadline.after(lookDeadlineMs));
  }

  async #upgradeShard({ shard, from, to }: PendingUpgrade): Promise<void> {
    const type = this.environment.types.get(shard!.type)!;
    const host = this.environment.hosts.host(shard!.id.hostname);
    for (const step of type.upgrades!.slice(from - 1, to - 1)) {
      const deadline = Deadline.after(stepDeadlineMs);
      await deadline.race(step.run(host, shard!, deadline), `${step.title} of ${shardKey(shard!.id)}`);
    }
  }

  /**
   * Notes the new versions of shards that still exist. From then on servers that do not know them stop writing them,
   * and their running jobs are applied again.
   */
  async #note(upgrades: readonly PendingUpgrade[], by: string): Promise<void> {
    const { nameServer, require } = this.environment;
    await nameServer.reload();
    const changes = upgrades.flatMap(({ shard, to }): Change[] =>
      nameServer.topology.hasShard(shard!.id) && (nameServer.topology.shard(shard!.id).schemaVersion ?? 1) < to
        ? [{ kind: 'setSchemaVersion', id: shard!.id, schemaVersion: to }]
        : [],
    );
    if (changes.length > 0) await require((await nameServer.apply(changes, by)).version);
  }
}
