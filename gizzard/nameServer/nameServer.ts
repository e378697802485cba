import { hostname, userInfo } from 'node:os';
import { BackgroundLoop, Deadline, RoostError, isRoostError } from '../../core/index.js';
import type { SqlSession } from '../../mysql/index.js';
import type { DatabaseHosts } from '../../mysql/index.js';
import { Metrics, type Log, type RoostConfig } from '../../process/index.js';
import { AttributeForms } from '../shardAttributes.js';
import type { Change } from '../topology/changes.js';
import { Topology } from '../topology/topology.js';
import { emptyTopology, shardKey, type ShardId } from '../topology/types.js';
import type { AuditEntry } from './audit.js';
import { sameHead, type Head, type LockedTopology } from './nameServerStep.js';
import { NameServerStore } from './nameServerStore.js';
import { isBehind, NameServerReplicas, newestOf, type ReplicaLook } from './replicas.js';
import type { ChangeMaker } from './reservedTrees.js';
import { SharedLook } from './sharedLook.js';
import type { LogChange, RollbackEntry, RollbackLog } from './rollbackLog.js';

/** Time limit for setting up a replica, or loading the topology from it. */
const operationDeadlineMs = 10_000;

/** Pause between looks for callers who miss something. */
const lookEveryMs = 50;

/**
 * Who a change is attributed to by default: the operating system's user of this process, who has the databases' own
 * passwords.
 */
export const thisProcess = (): string => `${osUser()}@${hostname()} (process ${process.pid})`;

/** Environment variables say whatever their owner likes. */
function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run a user without a name.
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}

/**
 * The topology of a cluster: stored in MySQL, held here as one snapshot that is replaced as a whole. If a reload
 * fails, the old snapshot keeps serving; `lastReloadError` says why.
 */
export class NameServer {
  readonly replicas: NameServerReplicas;
  #topology = new Topology({ ...emptyTopology, version: -1 });
  #head: Head | undefined;
  readonly #looks = new SharedLook(() => this.reload(), lookEveryMs);
  #reloading: Promise<void> | undefined;
  #reloadsNext: Promise<void> | undefined;
  #watching: BackgroundLoop | undefined;
  #repairing: Promise<unknown> | undefined;
  /** Replicas that were behind at the last look, with their heads. */
  #behind: ReadonlySet<string> = new Set();
  readonly #listeners = new Set<(topology: Topology) => void>();
  readonly #countReloadError: () => void;
  readonly #showHead: (look: ReplicaLook) => void;
  /** Called before each change made here; throws if it is not allowed, whoever makes it. */
  onApply: (changes: readonly Change[]) => void = () => undefined;
  /** Called after each change made here, before it is answered. */
  onApplied: ((changes: readonly Change[], topology: Topology) => Promise<void>) | undefined;
  /** Why the last reload failed; undefined if it succeeded. */
  lastReloadError: RoostError | undefined;

  constructor(
    stores: readonly NameServerStore[],
    private readonly log: Log,
    metrics = new Metrics(),
    private readonly forms = new AttributeForms(),
  ) {
    this.replicas = new NameServerReplicas(stores, log);
    metrics.gauge(
      'roost_topology_version',
      'Version of the topology that is served; -1 before the first',
      [],
      (gauge) => gauge.set(this.#topology.version),
      'min',
    );
    metrics.gauge('roost_topology_stale', 'Whether the last look for a newer topology failed', [], (gauge) =>
      gauge.set(this.lastReloadError === undefined ? 0 : 1),
    );
    const errors = metrics.counter('roost_topology_reload_errors_total', 'Looks for a newer topology that failed');
    this.#countReloadError = () => errors.inc();
    const heads = metrics.gauge(
      'roost_name_server_version',
      'Version of the topology on each replica of the name server; -1 where it does not answer',
      ['host'],
    );
    this.#showHead = ({ store, head }) => heads.set({ host: store.host.name }, head?.version ?? -1);
  }

  static open(
    hosts: DatabaseHosts,
    config: RoostConfig['nameServer'],
    cluster: string,
    log: Log,
    metrics?: Metrics,
    forms?: AttributeForms,
  ): NameServer {
    return new NameServer(
      config.hosts.map((name) => new NameServerStore(hosts.host(name), `${cluster}_nameserver`, config, forms)),
      log,
      metrics,
      forms,
    );
  }

  get topology(): Topology {
    return this.#topology;
  }

  /**
   * Creates the name server's database if there is none, and loads the topology. A replica that cannot be set up now
   * is set up once it is back. Throws if none can. If fewer than a majority answer, none is set up: the silent ones
   * may hold the topology.
   */
  async create(): Promise<void> {
    if (!(await this.replicas.majorityAnswers())) return this.reload();
    const results = await Promise.allSettled(
      this.replicas.stores.map((store) => {
        const deadline = Deadline.after(operationDeadlineMs);
        return deadline.race(
          store.create(deadline, this.replicas.stores[0]!.host.name),
          `setting up the name server on ${store.host.name}`,
        );
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined && results.every((result) => result.status === 'rejected')) throw failed.reason;
    await this.reload();
  }

  /**
   * Checks for a newer topology and swaps it in. Concurrent calls share one look, which starts after all of them.
   * Throws `Unavailable` if no replica of the name server answers, and `FailedPrecondition` if it was never set up or
   * holds an inconsistent topology.
   */
  async reload(): Promise<void> {
    // A look in progress may have been answered before the change that the caller knows of.
    this.#reloadsNext ??= (this.#reloading ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        this.#reloadsNext = undefined;
        this.#reloading = this.#reload();
        return this.#reloading;
      });
    return this.#reloadsNext;
  }

  /**
   * The same for callers who miss something that another process may have just created: all together look at most
   * every 50 ms, each at a look that begins after its call.
   */
  lookAnew(): Promise<void> {
    return this.#looks.fresh();
  }

  /**
   * Starts reloading periodically, and repairing replicas of the name server that have missed changes. Failures are
   * logged once for each new reason, and kept in `lastReloadError`.
   */
  watch(intervalMs: number): void {
    void this.#watching?.stop();
    this.#watching = new BackgroundLoop(() => this.reload(), {
      everyMs: intervalMs,
      startAfterMs: intervalMs,
      onError: (error, repeated) => {
        if (!repeated)
          this.log.error({ err: error }, 'the topology could not be reloaded; this server continues with the old one');
      },
    });
    this.#watching.start();
  }

  /** Calls back with each new topology, until the returned function is called. */
  onChange(listener: (topology: Topology) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Stops watching, and waits for a repair in progress. */
  async close(): Promise<void> {
    // Does not wait for a look in progress.
    void this.#watching?.stop();
    await this.#repairing;
  }

  /**
   * Applies changes in one step: all or none, with an audit entry. The resulting topology must be consistent. Throws
   * `AlreadyExists`, `NotFound`, `InvalidArgument` and `FailedPrecondition` as `applyChanges` and `Topology`, and
   * `Unavailable` as `NameServerReplicas.change`. Also throws `FailedPrecondition` if a migration other than the
   * `maker` has reserved a tree that the changes touch, or the name of a new shard is spent; `PermissionDenied` if
   * `onApply` says so; and with `onVersion`, curable by a retry, if the topology has changed meanwhile.
   */
  async apply(
    changes: readonly Change[],
    by: string = thisProcess(),
    how: { readonly onVersion?: number; readonly maker?: ChangeMaker } = {},
  ): Promise<Topology> {
    this.onApply(changes);
    const named = changes.map((change) =>
      change.kind === 'createShard' ? { ...change, shard: this.forms.named(change.shard) } : change,
    );
    const { state, audit } = await this.replicas.change({ changes: named, logs: [], ...how }, by);
    const topology = new Topology(state);
    this.#swap(topology, audit);
    await this.onApplied?.(named, topology);
    return this.#topology;
  }

  /**
   * Declares that the tables of some names are about to be dropped or renamed. No shard ever gets such a name again,
   * so that a process may pause for any time before it drops them. Throws `FailedPrecondition`, and spends none, if
   * one is in use, or reserved by a migration other than the `maker`.
   */
  async spend(names: readonly ShardId[], by: string = thisProcess(), maker?: ChangeMaker): Promise<void> {
    const spent = await this.spentNames();
    const fresh = names.filter((id) => !spent.has(shardKey(id)));
    if (fresh.length > 0)
      await this.replicas.change(
        { changes: [], logs: [], spent: fresh, ...(maker === undefined ? {} : { maker }) },
        by,
      );
  }

  /** Makes spent names usable again: their tables are back. */
  async revive(names: readonly ShardId[], by: string = thisProcess()): Promise<void> {
    const spent = await this.spentNames();
    const known = names.filter((id) => spent.has(shardKey(id)));
    if (known.length > 0) await this.replicas.change({ changes: [], logs: [], revived: known }, by);
  }

  /**
   * Throws `FailedPrecondition` if a name may not be given to a new shard. `apply` decides in the end; this avoids
   * creating tables in vain.
   */
  async refuseSpent(ids: readonly ShardId[]): Promise<void> {
    await this.replicas.any((store, deadline) => store.refuseSpent(ids, deadline));
  }

  /** Names that no new shard may have, as `shardKey`s. */
  async spentNames(): Promise<ReadonlySet<string>> {
    return new Set(
      (await this.replicas.any((store, deadline) => store.spentNames(deadline))).map(({ id }) => shardKey(id)),
    );
  }

  /**
   * Runs work while nobody can change the topology, in a transaction on `primary`, with the topology at that time.
   * Throws the work's errors, `Unavailable` if the host does not answer, and `FailedPrecondition` if it is no longer
   * the primary.
   */
  locked<T>(
    primary: string,
    deadline: Deadline,
    work: (session: SqlSession, locked: LockedTopology) => Promise<T>,
  ): Promise<T> {
    return this.replicas.stores.find(({ host }) => host.name === primary)!.locked(deadline, work);
  }

  /**
   * Makes a host of the name server the primary, whatever the replicas have noted. False, with nothing changed, if it
   * is already and a majority knows. Throws `NotFound` for another host, and as `apply`.
   */
  async promote(hostname: string, by: string = thisProcess()): Promise<boolean> {
    const isLed = await this.replicas.ledBy(hostname).isLed();
    if (!isLed) {
      await this.replicas.followPrimary().catch((error: unknown) => {
        // Replicas that name different hosts: this decides.
        if (!isRoostError(error, 'FailedPrecondition')) throw error;
      });
      const { state, audit } = await this.replicas.promote(hostname, by);
      this.#swap(new Topology(state), audit);
    }
    this.replicas.primary.lead(hostname, this.#topology.version);
    return !isLed;
  }

  /** Changes rollback logs in one step. */
  async changeLogs(logs: readonly LogChange[], by: string = thisProcess()): Promise<void> {
    await this.replicas.change({ changes: [], logs }, by);
  }

  findLog(name: string): Promise<RollbackLog | undefined> {
    return this.replicas.any((store, deadline) => store.findLog(name, deadline));
  }

  /** The top entries of a rollback log, topmost first. */
  logEntries(logId: string, count: number): Promise<RollbackEntry[]> {
    return this.replicas.any((store, deadline) => store.logEntries(logId, count, deadline));
  }

  /** The newest changes, newest first. */
  audit(options: { readonly count: number; readonly belowVersion?: number }): Promise<AuditEntry[]> {
    return this.replicas.any((store, deadline) =>
      store.audit(options.belowVersion ?? Number.MAX_SAFE_INTEGER, options.count, deadline),
    );
  }

  /**
   * The changes that undo one audited change. Throws `NotFound`, and `FailedPrecondition` if there is nothing to
   * undo.
   */
  async inverseOf(version: number): Promise<readonly Change[]> {
    const [entry] = await this.audit({ count: 1, belowVersion: version + 1 });
    if (entry?.version !== version)
      throw new RoostError('NotFound', `the audit has no change ${version}`, { fields: { version } });
    if (entry.inverse.length === 0)
      throw new RoostError('FailedPrecondition', `change ${version} changed nothing that could be undone`, {
        fields: { version },
      });
    return entry.inverse;
  }

  async #reload(): Promise<void> {
    try {
      const looks = await this.replicas.look();
      looks.forEach(this.#showHead);
      const { store, head } = newestOf(looks);
      if (this.#isNews(head)) {
        const deadline = Deadline.after(operationDeadlineMs);
        const loaded = await store.load(deadline);
        this.#swap(new Topology(loaded.state), loaded.head);
      }
      this.lastReloadError = undefined;
      if (this.#watching?.stopped === false) this.#repairWhatStaysBehind(looks, head);
    } catch (error) {
      this.lastReloadError = RoostError.from(error);
      this.#countReloadError();
      throw this.lastReloadError;
    }
  }

  /** A replica may be behind for a moment while a change is on its way. */
  #repairWhatStaysBehind(looks: readonly ReplicaLook[], newest: Head): void {
    const behind = looks
      .filter((look) => isBehind(look, newest))
      .map(({ store, head }) => `${store.host.name} ${head?.changeId}`);
    const stays = behind.some((replica) => this.#behind.has(replica));
    this.#behind = new Set(behind);
    if (!stays) return;
    this.#repairing ??= this.replicas
      .repair(looks)
      .catch((error: unknown) =>
        this.log.warn(
          { err: error },
          'a replica of the name server that missed changes could not be repaired; trying again',
        ),
      )
      .finally(() => {
        this.#repairing = undefined;
      });
  }

  /** A change that never reached a majority may be replaced by another of the same version. */
  #isNews(head: Head): boolean {
    return (
      this.#head === undefined ||
      head.version > this.#head.version ||
      (head.version === this.#head.version && !sameHead(head, this.#head))
    );
  }

  #swap(topology: Topology, head: Head): void {
    if (!this.#isNews(head)) return;
    this.#topology = topology;
    this.#head = { version: head.version, changeId: head.changeId };
    for (const listener of this.#listeners) listener(topology);
  }
}
