import type { Command } from 'commander';
import type { ServiceRoles } from '../access/index.js';
import type { Caches } from '../cache/index.js';
import type { ConfigKeys, Log, Metrics, RoostConfig } from '../process/index.js';
import type { AnyJobType, Backend, Check, Gizzard, ShardType } from '../gizzard/index.js';
import type { ForeignJobs, ServiceOptions, ThriftService } from '../server/index.js';
import type { CachedKinds } from './cachedKind.js';
import type { CheckOptions, CheckReport } from './checkReport.js';
import type { CliIo } from './cliIo.js';

/** What names a store, and what it opens. */
export interface StoreLike {
  readonly name: string;
  open(context: never): unknown;
}

/** What a store's `open` gives. */
export type OpenedOf<S extends StoreLike> = Awaited<ReturnType<S['open']>>;

/** Opened stores by their names. */
export type StoresByName<Stores extends readonly StoreLike[]> = {
  readonly [S in Stores[number] as S['name']]: OpenedOf<S>;
};

/** What a store opens on. */
export interface StoreContext<Uses extends readonly StoreLike[] = readonly StoreLike[]> {
  readonly config: RoostConfig;
  /** It starts once every store is open: `open` keeps it, and neither reads nor writes. */
  readonly gizzard: Gizzard;
  /** The cache nodes. `caches.main` is undefined where there are none, or this process does not use them; caches built on it then ask their loaders. */
  readonly caches: Caches;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The stores that `uses` names. */
  readonly stores: StoresByName<Uses>;
  /** Closes the cluster with all of its stores. */
  readonly close: () => Promise<void>;
}

/** The Thrift service of a store: `roost serve` listens for it on `server.<name>Port`. */
export interface StoreService<Opened> {
  /** What it serves, for people: the port of this. */
  readonly title: string;
  /** The port where the configuration names none. */
  readonly port: number;
  /** The largest request that it reads. Absent: the least that any service takes. */
  readonly requestBytes?: number;
  /** The service, for a ThriftServer. */
  processor(opened: Opened, options: ServiceOptions): ThriftService;
  /** Who may call which of its methods. A method that is not named needs the role `admin`. Absent: all of them do. */
  readonly roles?: ServiceRoles;
  /** The name of a graph by its id, where roles may be limited to graphs; undefined for one that does not exist. */
  graphName?(opened: Opened, id: number): string | undefined;
  /** Jobs of other systems that the job injector takes for it. */
  foreignJobs?(opened: Opened): ForeignJobs;
  /** What `/server_info` says of the store. */
  info?(opened: Opened): Readonly<Record<string, unknown>>;
}

/** What a store keeps outside of its shards' rows and of the topology, for backups. */
export interface StoreBackup<Opened> {
  /** As JSON can hold it. Called while writes go on. */
  save(opened: Opened): Promise<unknown>;
  /**
   * Brings a cluster that holds no rows to where they can come: what is missing of tables that are more than ranges of keys, and what the store keeps. Repeating it changes nothing.
   *
   * @param saved what `save` gave last before the moment that is restored; behind it what it gave next, where it did
   * @param latestMicros no time in the backup is later
   */
  prepare(opened: Opened, saved: readonly unknown[], latestMicros: bigint): Promise<void>;
}

/**
 * All that a store brings. `defineStore` infers its types, and `openCluster` opens it.
 *
 * A store's writes are jobs, journaled by `gizzard.write`. Its shard types say how shards are made and moved, its job types how jobs are applied.
 */
export interface Store<
  Name extends string = string,
  Opened = unknown,
  Uses extends readonly StoreLike[] = readonly StoreLike[],
> {
  /** Unique in a cluster: lower-case letters and digits. Names the store's port, `server.<name>Port`. */
  readonly name: Name;
  /** Its keys of the configuration, by section, each with a default. Its port is `server.<name>Port` by itself. Keys that Roost has already stay as they are. */
  readonly config?: ConfigKeys;
  /** Stores that this one reads or writes. They are opened before it, and closed after it. */
  readonly uses?: Uses;
  /** Makes the store's interface. */
  open(context: StoreContext<Uses>): Opened | Promise<Opened>;
  /** What its shards live on beside MySQL. Stores that share one give the same. */
  backends?(opened: Opened, context: StoreContext<Uses>): readonly Backend[];
  shardTypes(opened: Opened, context: StoreContext<Uses>): readonly ShardType[];
  jobTypes(opened: Opened, context: StoreContext<Uses>): readonly AnyJobType[];
  /** Called when the cluster is open, in a process that works on jobs: begins the store's own background work. */
  start?(opened: Opened): void;
  /** Ends what `start` and calls have begun, before the Gizzard closes. */
  close?(opened: Opened): Promise<void>;
  /** What `roost doctor` looks at beside Gizzard's own checks. */
  doctorChecks?(opened: Opened): readonly Check[];
  /** What it keeps on the cache nodes. Absent: nothing. */
  readonly cached?: CachedKinds<NoInfer<Opened>>;
  /**
   * Proves, while writes go on, that its shards hold what they should, and with `repair` puts right what they do not. `roost check` runs it.
   * Absent: the replicas of its shards are compared, see `checkReplicas`.
   */
  check?(opened: Opened, options: CheckOptions): Promise<CheckReport>;
  /** What backups keep of it beside its shards' rows, which they have by `MovableTable.saved`. Absent: nothing. */
  readonly backup?: StoreBackup<NoInfer<Opened>>;
  /** Adds its commands to `roost`: as a rule one noun, which is the store's name. Absent: none. */
  commands?(program: Command, io: CliIo): void;
  /** Absent: it is used as a library only. */
  readonly service?: StoreService<NoInfer<Opened>>;
}

/** Returns the store; for the inference of its types. */
export const defineStore = <const Name extends string, Opened, const Uses extends readonly StoreLike[] = readonly []>(
  store: Store<Name, Opened, Uses>,
): Store<Name, Opened, Uses> => store;
