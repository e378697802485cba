import type { Command } from 'commander';
import type { ServiceRoles } from '../access/index.js';
import type { Caches } from '../cache/index.js';
import type { ConfigPart, Log, Metrics, RoostConfig } from '../process/index.js';
import type { AnyJobType, Backend, Check, Gizzard, ShardType } from '../gizzard/index.js';
import type { ForeignJobs, ServiceOptions, ThriftService } from '../server/index.js';
import type { Topology } from '../gizzard/index.js';
import type { AlertRule } from './alertRule.js';
import type { CachedKinds } from './cachedKind.js';
import type { CheckOptions, CheckReport } from './checkReport.js';
import type { CliIo } from './cliIo.js';
import type { StoreHosts } from './storeHosts.js';
import type { StorePage } from './storePage.js';

/** A store's name, and what it opens. */
export interface StoreLike {
  readonly name: string;
  open(context: never): unknown;
}

/** The result of a store's `open`. */
export type OpenedOf<S extends StoreLike> = Awaited<ReturnType<S['open']>>;

/** Opened stores by their names. */
export type StoresByName<Stores extends readonly StoreLike[]> = {
  readonly [S in Stores[number] as S['name']]: OpenedOf<S>;
};

/** Surroundings of a store that opens. */
export interface StoreContext<Uses extends readonly StoreLike[] = readonly StoreLike[]> {
  readonly config: RoostConfig;
  /** It starts once all stores are open: `open` keeps it, and neither reads nor writes. */
  readonly gizzard: Gizzard;
  /**
   * The cache nodes. `caches.main` is undefined if there are none or this process does not use them; caches built on
   * it then call their loaders.
   */
  readonly caches: Caches;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The stores named in `uses`. */
  readonly stores: StoresByName<Uses>;
  /** Closes the cluster with all its stores. */
  readonly close: () => Promise<void>;
}

/** A store's Thrift service; `roost serve` listens for it on `server.<name>Port`. */
export interface StoreService<Opened> {
  /** A short name for people, as in "the port of …". */
  readonly title: string;
  /** The default port. */
  readonly port: number;
  /** The largest request that it reads. Absent: `limits.leastRequestBytes`. */
  readonly requestBytes?: number;
  /** The service, for a ThriftServer. */
  processor(opened: Opened, options: ServiceOptions): ThriftService;
  /** Roles that its methods need. Methods not named need the role `admin`. Absent: all methods do. */
  readonly roles?: ServiceRoles;
  /** The name of a graph, for roles that are limited to graphs; undefined if there is none of that id. */
  graphName?(opened: Opened, id: number): string | undefined;
  /** Jobs of other systems that the injector accepts for it. */
  foreignJobs?(opened: Opened): ForeignJobs;
  /** The store's part of `/server_info`. */
  info?(opened: Opened): Readonly<Record<string, unknown>>;
}

/** What a store keeps outside its shards' rows and the topology, for backups. */
export interface StoreBackup<Opened> {
  /** A value that JSON can hold. Called during writes. */
  save(opened: Opened): Promise<unknown>;
  /**
   * Prepares an empty cluster for the store's rows: creates tables that are more than ranges of keys, and restores
   * what the store keeps. Idempotent.
   *
   * @param saved the last `save` before the restored moment, and the next one after it if there was one
   * @param latestMicros no time in the backup is later
   */
  prepare(opened: Opened, saved: readonly unknown[], latestMicros: bigint): Promise<void>;
}

/**
 * Everything that a store brings. `defineStore` infers its types, and `openCluster` opens it.
 *
 * A store's writes are jobs, journaled by `journalWrite`. Its shard types define how shards are created and moved,
 * its job types how jobs are applied.
 */
export interface Store<
  Name extends string = string,
  Opened = unknown,
  Uses extends readonly StoreLike[] = readonly StoreLike[],
> {
  /** Unique in a cluster: lower-case letters and digits. Also names its port, `server.<name>Port`. */
  readonly name: Name;
  /** The store's configuration keys, made by `configPart`. The port `server.<name>Port` needs no entry. */
  readonly config?: ConfigPart;
  /** Stores that this one reads or writes. They open before it, and close after it. */
  readonly uses?: Uses;
  /** Creates the store's interface. */
  open(context: StoreContext<Uses>): Opened | Promise<Opened>;
  /** Backends that its shards live on beside MySQL. Stores that share one return the same object. */
  backends?(opened: Opened, context: StoreContext<Uses>): readonly Backend[];
  shardTypes(opened: Opened, context: StoreContext<Uses>): readonly ShardType[];
  jobTypes(opened: Opened, context: StoreContext<Uses>): readonly AnyJobType[];
  /** Starts the store's background work. Called once the cluster is open, in processes that apply jobs. */
  start?(opened: Opened): void;
  /** Ends the store's background work, before Gizzard closes. */
  close?(opened: Opened): Promise<void>;
  /** Checks of `roost doctor` beside Gizzard's own. */
  doctorChecks?(opened: Opened): readonly Check[];
  /** Its entries on the cache nodes. Absent: none. */
  readonly cached?: CachedKinds<NoInfer<Opened>>;
  /**
   * Proves, during writes, that its shards hold what they should, and repairs them with `repair`. `roost check` runs
   * it. Absent: the replicas of its shards are compared, see `checkReplicas`.
   */
  check?(opened: Opened, options: CheckOptions): Promise<CheckReport>;
  /** What backups keep of it beside its shards' rows, which `MovableTable.saved` covers. Absent: nothing. */
  readonly backup?: StoreBackup<NoInfer<Opened>>;
  /** Its pages of the dashboard. Absent: none. */
  readonly pages?: readonly StorePage<NoInfer<Opened>>[];
  /** Its part in adding, draining and removing database hosts. Absent: it has nothing but its shards on them. */
  readonly hosts?: StoreHosts<NoInfer<Opened>>;
  /**
   * Class names in the tools of the original Gizzard, with the store's shard types: the manager's protocol and
   * templates of the tools know the types by these. A table that such a tool begins is the store's. Absent: none.
   */
  readonly toolClasses?: Readonly<Record<string, string>>;
  /** The configuration section whose `hosts` are its Redis servers; a playground writes it. Absent: it has none. */
  readonly redisSection?: string;
  /** Rules of `roost metrics alerts` on its metrics. Each names a page in docs/runbooks/. Absent: none. */
  readonly alerts?: readonly AlertRule[];
  /** Words that complete the arguments and options of these names in a shell. Absent: none. */
  readonly words?: Readonly<Record<string, (topology: Topology) => readonly string[]>>;
  /** Adds its commands to `roost`: as a rule one noun, the store's name. Absent: none. */
  commands?(program: Command, io: CliIo): void;
  /** Absent: it is used as a library only. */
  readonly service?: StoreService<NoInfer<Opened>>;
}

/** Returns the store, with inferred types. */
export const defineStore = <const Name extends string, Opened, const Uses extends readonly StoreLike[] = readonly []>(
  store: Store<Name, Opened, Uses>,
): Store<Name, Opened, Uses> => store;
