import { Deadline, RoostError, type Log } from '../../core/index.js';
import type { DatabaseHosts } from '../hosts/databaseHosts.js';
import { applyChanges, type Change } from '../topology/changes.js';
import { Topology } from '../topology/topology.js';
import { NameServerStore } from './nameServerStore.js';

/** A look at the name server, or a change of it, takes no longer than this. */
const operationDeadlineMs = 10_000;

const emptyState = { version: -1, tables: [], shards: [], links: [], forwardings: [], hostWeights: [] };

/**
 * The topology of a cluster: kept in MySQL, held here as one snapshot that is swapped whole.
 * A reload that fails leaves the old snapshot serving; `lastReloadError` says why.
 */
export class NameServer {
  #topology = new Topology(emptyState);
  #reloading: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Why the newest reload failed; undefined while reloads succeed. */
  lastReloadError: RoostError | undefined;

  constructor(
    private readonly stores: readonly NameServerStore[],
    private readonly log: Log,
  ) {}

  static open(hosts: DatabaseHosts, names: readonly string[], cluster: string, log: Log): NameServer {
    return new NameServer(
      names.map((name) => new NameServerStore(hosts.host(name), `${cluster}_nameserver`)),
      log,
    );
  }

  get topology(): Topology {
    return this.#topology;
  }

  /** Sets up the name server's database where there is none, and loads the topology. */
  async create(): Promise<void> {
    for (const store of this.stores) await store.create(Deadline.after(operationDeadlineMs));
    await this.reload();
  }

  /**
   * Looks for a newer topology and swaps it in. Concurrent calls share one look.
   * Throws `Unavailable` where no replica of the name server answers, `FailedPrecondition` where it was never set up or holds a topology that is not sound.
   */
  reload(): Promise<void> {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  /** Reloads on its own from now on. Failures are logged once for each new reason and kept in `lastReloadError`. */
  watch(intervalMs: number): void {
    const look = async (): Promise<void> => {
      const before = this.lastReloadError?.message;
      await this.reload().catch((error: unknown) => {
        const reason = RoostError.from(error);
        if (reason.message !== before) this.log.error({ err: reason }, 'the topology could not be reloaded; the old one keeps serving');
      });
      if (this.#timer !== undefined) this.#timer = setTimeout(() => void look(), intervalMs);
    };
    this.#timer = setTimeout(() => void look(), intervalMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Applies changes as one: all are stored, or none. The resulting topology must be sound.
   * Throws `AlreadyExists`, `NotFound` and `FailedPrecondition` as `applyChanges` and `Topology` do.
   */
  async apply(changes: readonly Change[]): Promise<Topology> {
    const [first, ...others] = this.stores;
    const deadline = Deadline.after(operationDeadlineMs);
    const state = await first!.change(changes, deadline, (before) => new Topology(applyChanges(before, changes)).state);
    for (const store of others) await store.change(changes, deadline, () => state);
    this.#swap(new Topology(state));
    return this.#topology;
  }

  async #reload(): Promise<void> {
    const said: string[] = [];
    let last: unknown;
    for (const store of this.stores) {
      try {
        const deadline = Deadline.after(operationDeadlineMs);
        const version = await store.version(deadline);
        if (version > this.#topology.version) this.#swap(new Topology(await store.load(deadline)));
        this.lastReloadError = undefined;
        return;
      } catch (error) {
        last = error;
        said.push(error instanceof Error ? error.message : String(error));
      }
    }
    const first = RoostError.from(last);
    this.lastReloadError = this.stores.length === 1 ? first : new RoostError(first.code, `no replica of the name server gave a topology: ${said.join('; ')}`, { cause: last });
    throw this.lastReloadError;
  }

  #swap(topology: Topology): void {
    if (topology.version > this.#topology.version) this.#topology = topology;
  }
}
