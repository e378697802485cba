import { Caches, openCaches } from '../cache/index.js';
import { type OpenTelemetry, RoostError } from '../core/index.js';
import { Metrics, silentLog, type Log, type RoostConfig } from '../process/index.js';
import { Gizzard, type SendJobs } from '../gizzard/index.js';
import { checkReplicas } from './checkReplicas.js';
import type { CheckOptions, CheckReport } from './checkReport.js';
import type { Store, StoreContext, StoreLike, StoresByName } from './store.js';

export interface OpenClusterOptions {
  readonly log?: Log;
  readonly metrics?: Metrics;
  /**
   * Whether this process applies jobs, moves data, and runs the stores' background work. Otherwise it only accepts
   * writes and answers reads.
   */
  readonly work?: boolean;
  /** Create the name server's tables if there are none. */
  readonly create?: boolean;
  /** Sends jobs to remote clusters. Absent: such jobs wait for a process that can. */
  readonly sendJobs?: SendJobs;
  /** Whether to use the cache nodes, or caches that the caller has opened and will close. Absent: as `work`. */
  readonly caches?: Caches | boolean;
  /** The package `@opentelemetry/api`: sampled traces of clients go on here. Absent: they end at this process. */
  readonly openTelemetry?: OpenTelemetry | undefined;
}

/** A store of an open cluster. */
export interface OpenedStore {
  readonly store: Store;
  readonly opened: unknown;
  /** Names of its shard types. */
  readonly shardTypes: readonly string[];
}

/** Stores on one Gizzard, seen from one process. */
export class Cluster<Stores extends readonly StoreLike[] = readonly StoreLike[]> {
  /** In the order of opening: each store after those that it uses. */
  readonly opened: readonly OpenedStore[] = [];
  #closing: Promise<void> | undefined;

  constructor(
    readonly gizzard: Gizzard,
    readonly caches: Caches,
    private readonly ownsCaches: boolean,
  ) {}

  get config(): RoostConfig {
    return this.gizzard.config;
  }

  /** The opened stores, by name. */
  get stores(): StoresByName<Stores> {
    return Object.fromEntries(this.opened.map(({ store, opened }) => [store.name, opened])) as StoresByName<Stores>;
  }

  /** Opens a store and registers its types. */
  async add(store: Store): Promise<void> {
    const { gizzard, caches, config } = this;
    const context: StoreContext = {
      config,
      gizzard,
      caches,
      log: gizzard.log,
      metrics: gizzard.metrics,
      stores: this.stores,
      close: () => this.close(),
    };
    const opened = await store.open(context);
    const shardTypes = store.shardTypes(opened, context);
    (this.opened as OpenedStore[]).push({ store, opened, shardTypes: shardTypes.map((type) => type.name) });
    gizzard.register({
      backends: store.backends?.(opened, context) ?? [],
      shardTypes,
      jobTypes: store.jobTypes(opened, context),
      checks: store.doctorChecks?.(opened) ?? [],
      ...(store.config && { settings: { [store.name]: store.config.shared(config) } }),
    });
  }

  /** Runs a store's check, or compares its replicas if it has none. Throws `NotFound` for an unknown store. */
  async check(name: string, options: CheckOptions = {}): Promise<CheckReport> {
    const found = this.opened.find(({ store }) => store.name === name);
    if (found === undefined)
      throw new RoostError(
        'NotFound',
        `there is no store ${name}; there are ${this.opened.map(({ store }) => store.name).join(', ')}`,
      );
    const { store, opened, shardTypes } = found;
    return (await store.check?.(opened, options)) ?? checkReplicas(this.gizzard, shardTypes, options);
  }

  /** Ends the stores' work, finishes running jobs or hands them back, and closes every connection. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      for (const { store, opened } of [...this.opened].reverse()) await store.close?.(opened);
    } finally {
      try {
        await this.gizzard.close();
      } finally {
        if (this.ownsCaches) await this.caches.close();
      }
    }
  }
}

/**
 * Opens a cluster: first Gizzard, then the stores and those that they use; registers their types; then starts.
 *
 * @returns the cluster; its `stores` has each given store by name
 * @throws `Unavailable` or `FailedPrecondition` if the name server, the journal or the caches' register cannot be
 * used. Nothing stays open then.
 */
export async function openCluster<const Stores extends readonly Store[]>(
  config: RoostConfig,
  stores: Stores,
  options: OpenClusterOptions = {},
): Promise<Cluster<Stores>> {
  const {
    log = silentLog,
    metrics = new Metrics(),
    work = false,
    create = false,
    sendJobs,
    caches = work,
    openTelemetry,
  } = options;
  const ownsCaches = typeof caches === 'boolean';
  const used = ownsCaches ? await (caches ? openCaches(config, { log, metrics }) : Caches.none(config)) : caches;
  const gizzard = new Gizzard(config, { log, metrics, ...(sendJobs && { sendJobs }), openTelemetry });
  const cluster = new Cluster<Stores>(gizzard, used, ownsCaches);
  try {
    for (const store of withUsed(stores)) await cluster.add(store);
    if (create) await gizzard.nameServer.create();
    await gizzard.start({ work });
    if (work) for (const { store, opened } of cluster.opened) store.start?.(opened);
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

/** Returns the stores and all that they use, each after those that it uses. A given store replaces any other of its name. */
export function withUsed(stores: readonly Store[]): readonly Store[] {
  const given = new Map<string, Store>();
  for (const store of stores) {
    if (given.has(store.name)) throw new RoostError('InvalidArgument', `two stores are named ${store.name}`);
    given.set(store.name, store);
  }
  const ordered = new Map<string, Store>();
  const add = (store: Store, users: readonly string[]): void => {
    if (users.includes(store.name))
      throw new RoostError('InvalidArgument', `stores use each other: ${[...users, store.name].join(', ')}`);
    if (ordered.has(store.name)) return;
    for (const used of (store.uses ?? []) as readonly Store[])
      add(given.get(used.name) ?? used, [...users, store.name]);
    ordered.set(store.name, store);
  };
  for (const store of stores) add(store, []);
  return [...ordered.values()];
}
