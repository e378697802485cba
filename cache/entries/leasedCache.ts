import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff, Deadline, limits, RoostError, type Observation } from '../../core/index.js';
import type { CacheNode, Held } from '../ring/cacheNode.js';
import type { CachePool, Target } from '../ring/cachePool.js';
import { opcodes, statuses } from '../ring/protocol.js';
import { BatchLoader, type LoadMany } from './batchLoader.js';
import { EntryStore, type EntryStoreOptions, type Found, type EntryLease } from './entryStore.js';
import { FirstLevel, type FirstLevelOptions } from './firstLevel.js';

export interface LeasedCacheOptions<K, V> extends EntryStoreOptions<V> {
  readonly load: LoadMany<K, V>;
  /** One reader reloads an entry older than this, while the others still get it. Absent: never. */
  readonly renewAfterSeconds?: number;
  /** An entry with more prepended bytes than this is rewritten. */
  readonly rewriteFrontBytes?: number;
  readonly firstLevel?: FirstLevelOptions;
}

/** A reader waits this long for the lease's holder, and then asks the database itself. */
const waitMs = 1_000;
const firstPauseMs = 2;
const maxPauseMs = 32;
/** An older lease is taken over: its holder is gone. Differing clocks shorten or lengthen this, which is safe. */
const leaseLostMs = 3_000;

/**
 * A cache in front of a loader. For each missing key one reader, over all processes, calls the loader; the others
 * wait for it. Reads never fail because of the cache. They never return a value that was loaded before they began, or
 * before a write that had settled before they began.
 */
export class LeasedCache<K extends bigint | string, V> {
  readonly store: EntryStore<V> | undefined;
  readonly #loader: BatchLoader<K, V>;
  readonly #firstLevel: FirstLevel<K, V> | undefined;
  /**
   * Loads of this process that hold leases: local readers wait for these instead of polling memcached. Each resolves to
   * false if its values must not be cached.
   */
  readonly #leading = new Map<K, Promise<boolean>>();
  readonly #watching = new Map<K, Promise<void>>();

  /** @param pool undefined: nothing is cached */
  constructor(
    pool: CachePool | undefined,
    readonly options: LeasedCacheOptions<K, V>,
  ) {
    this.store = pool === undefined ? undefined : new EntryStore(pool, options);
    this.#loader = new BatchLoader(options.load);
    this.#firstLevel = options.firstLevel === undefined ? undefined : new FirstLevel(options.firstLevel);
  }

  /** The values of keys; keys without a value are absent. Throws the loader's errors and `DeadlineExceeded`. */
  async get(keys: readonly K[], deadline: Deadline = Deadline.after(limits.defaultDeadlineMs)): Promise<Map<K, V>> {
    const { store } = this;
    if (store === undefined) return new Map(await this.options.load(keys, deadline));
    const found = new Map<K, V>();
    const work: Promise<unknown>[] = [];
    const start = (part: Promise<unknown>): void => {
      // Awaited at the end; another part may take longer meanwhile.
      part.catch(() => undefined);
      work.push(part);
    };
    let waitUntilMs = 0;
    let pending = this.#notInProcess(keys, found);
    for (let round = 0; pending.length > 0; round++) {
      const looked = await store.look(pending.map(String));
      // Set once there is something to wait for.
      if (round === 0) waitUntilMs = performance.now() + Math.min(waitMs, deadline.remainingMs() / 2);
      const { wanted, waiting, past } = this.#sort(pending, looked, found, round === 0, start);
      if (wanted.size > 0) {
        const leases = new Map<K, EntryLease>();
        const order = [...wanted];
        const answers = await store.lease(order.map(([, place]) => place));
        for (const [place, answer] of answers.entries()) {
          const key = order[place]![0];
          if (answer === undefined) past.push(key);
          else if (answer === 'taken') waiting.push(key);
          else leases.set(key, answer);
        }
        if (leases.size > 0) start(this.#lead(leases, found, deadline));
      }
      if (waiting.length > 0 && performance.now() >= waitUntilMs) past.push(...waiting.splice(0));
      if (past.length > 0) start(this.#pass(past, found, deadline));
      if (waiting.length === 0) break;
      if (round === 0) store.counts.leaseWaits += waiting.length;
      const uncacheable = await this.#pause(waiting, waitUntilMs);
      if (uncacheable.size > 0) start(this.#pass([...uncacheable], found, deadline));
      pending = waiting.filter((key) => !uncacheable.has(key));
    }
    if (work.length > 0) await deadline.race(Promise.all(work), `reading ${this.options.name}`);
    return found;
  }

  async getOne(key: K, deadline?: Deadline): Promise<V | undefined> {
    return (await this.get([key], deadline)).get(key);
  }

  /**
   * Removes the entries of keys everywhere, and resolves when nobody can read them any more. Throws `Unavailable` if
   * that cannot be achieved. Called after a write's commit, it keeps the promise of `get`.
   */
  async invalidate(keys: readonly K[]): Promise<void> {
    this.forget(keys);
    await this.store?.pool.settle(this.options.name, keys.map(String), (node, targets, deadlineMs) =>
      removeEntries(node, [...targets.values()], deadlineMs),
    );
    this.forget(keys);
  }

  /** Whether an entry agrees with the loader, as far as it covers the value. */
  agree(cached: V, stored: V): boolean {
    const { codec } = this.options;
    return codec.encode(cached).equals(codec.encode(stored));
  }

  /** Drops the values in this process's memory. */
  forget(keys: readonly K[]): void {
    if (this.#firstLevel !== undefined) for (const key of keys) this.#firstLevel.delete(key);
  }

  #notInProcess(keys: readonly K[], found: Map<K, V>): K[] {
    const unique = keys.length === 1 ? [...keys] : [...new Set(keys)];
    if (this.#firstLevel === undefined) return unique;
    const left = unique.filter((key) => {
      const value = this.#firstLevel!.get(key);
      if (value !== undefined) found.set(key, value);
      return value === undefined;
    });
    this.store!.counts.firstLevelHits += unique.length - left.length;
    return left;
  }

  /** Collects the values found, and decides what to do about the rest. */
  #sort(
    keys: readonly K[],
    looked: readonly Found<V>[],
    found: Map<K, V>,
    first: boolean,
    start: (part: Promise<unknown>) => void,
  ): {
    readonly wanted: Map<K, { readonly target: Target; readonly held?: Held }>;
    readonly waiting: K[];
    readonly past: K[];
  } {
    const wanted = new Map<K, { readonly target: Target; readonly held?: Held }>();
    const waiting: K[] = [];
    const past: K[] = [];
    const { renewAfterSeconds, rewriteFrontBytes = Infinity } = this.options;
    let hits = 0;
    for (let place = 0; place < keys.length; place++) {
      const key = keys[place]!;
      const look = looked[place]!;
      switch (look.kind) {
        case 'value':
          hits++;
          found.set(key, look.value);
          this.#firstLevel?.set(key, look.value);
          if (renewAfterSeconds !== undefined && Date.now() - look.entry.stampMs > renewAfterSeconds * 1000)
            start(this.#renew(key, look, found));
          else if (look.entry.front.length > rewriteFrontBytes) start(this.store!.renew(look));
          break;
        case 'absent':
          hits++;
          break;
        case 'missing':
          wanted.set(key, look);
          break;
        case 'lease':
          if (look.broken || Date.now() - look.sinceMs > leaseLostMs) wanted.set(key, look);
          else waiting.push(key);
          break;
        case 'tooLarge':
        case 'unreachable':
          past.push(key);
      }
    }
    if (first) {
      const { counts } = this.store!;
      counts.hits += hits;
      counts.misses += keys.length - hits;
    }
    return { wanted, waiting, past };
  }

  async #lead(leases: ReadonlyMap<K, EntryLease>, found: Map<K, V>, deadline: Deadline): Promise<void> {
    const work = this.#loadAndFill(leases, found, deadline);
    const ended = work.catch(() => true);
    for (const key of leases.keys()) this.#leading.set(key, ended);
    try {
      await work;
    } finally {
      for (const key of leases.keys()) if (this.#leading.get(key) === ended) this.#leading.delete(key);
    }
  }

  /** Returns false where the values may not be cached, because a replica that lags had to answer. */
  async #loadAndFill(leases: ReadonlyMap<K, EntryLease>, found: Map<K, V>, deadline: Deadline): Promise<boolean> {
    const store = this.store!;
    const values = await this.#fromFormerNodes(leases);
    const missing =
      values.size === 0 ? [...leases.keys()] : Array.from(leases.keys()).filter((key) => !values.has(key));
    const seen: Observation = { lagging: false };
    if (missing.length > 0) {
      try {
        for (const [key, value] of await this.options.load(missing, deadline.observed(seen))) values.set(key, value);
      } catch (error) {
        await store.giveBack([...leases.values()]);
        throw error;
      }
    }
    for (const key of leases.keys()) {
      const value = values.get(key);
      if (value === undefined) continue;
      found.set(key, value);
      if (!seen.lagging) this.#firstLevel?.set(key, value);
    }
    if (seen.lagging) await store.giveBack([...leases.values()]);
    else await store.fill(Array.from(leases, ([key, lease]) => ({ lease, value: values.get(key) })));
    return !seen.lagging;
  }

  /**
   * Reads values from the nodes that held the keys before a new node joined. The leases are on the new node, so that
   * no write goes unnoticed.
   */
  async #fromFormerNodes(leases: ReadonlyMap<K, EntryLease>): Promise<Map<K, V>> {
    const values = new Map<K, V>();
    const { pool } = this.store!;
    await Promise.all(
      Array.from(leases, async ([key, { target }]) => {
        if (target.previous?.take !== true) return;
        const former: Target = { ...target.previous, gutter: false };
        try {
          const [hit] = await former.node.get([former.name], pool.options.deadlineMs);
          const look = this.store!.read(former, hit);
          if (look.kind === 'value') values.set(key, look.value);
        } catch {
          // Then the loader is asked.
        }
      }),
    );
    return values;
  }

  async #renew(key: K, look: Extract<Found<V>, { kind: 'value' }>, found: Map<K, V>): Promise<void> {
    const lease = await this.store!.renew(look);
    if (lease === undefined) return void this.store!.counts.stale++;
    try {
      const seen: Observation = { lagging: false };
      const value = (await this.options.load([key], Deadline.after(limits.defaultDeadlineMs).observed(seen))).get(key);
      // The old value may hold more.
      if (seen.lagging) return void this.store!.counts.stale++;
      if (value === undefined) found.delete(key);
      else found.set(key, value);
      await this.store!.fill([{ lease, value }]);
    } catch {
      // Counts an old value that was served; the next reader after `renewAfterSeconds` tries again.
      this.store!.counts.stale++;
    }
  }

  async #pass(keys: readonly K[], found: Map<K, V>, deadline: Deadline): Promise<void> {
    this.store!.counts.bypassed += keys.length;
    for (const [key, value] of await this.#loader.get(keys, deadline)) found.set(key, value);
  }

  /**
   * Waits before polling again. One reader per key polls; the others of this process share its result. Returns the
   * keys whose values must not be cached now.
   */
  async #pause(waiting: readonly K[], untilMs: number): Promise<ReadonlySet<K>> {
    const uncacheable = new Set<K>();
    const ended = waiting.map(
      (key) =>
        this.#leading.get(key)?.then((cached) => void (cached || uncacheable.add(key))) ??
        this.#watching.get(key) ??
        this.#watch(key, untilMs),
    );
    await Deadline.after(Math.max(0, untilMs - performance.now()))
      .race(Promise.all(ended), 'waiting for a lease')
      .catch(() => undefined);
    return uncacheable;
  }

  #watch(key: K, untilMs: number): Promise<void> {
    const watch = async (): Promise<void> => {
      for (const backoff = new Backoff(firstPauseMs, maxPauseMs); performance.now() < untilMs;) {
        await sleep(backoff.next());
        const [look] = await this.store!.look([String(key)]);
        if (look!.kind !== 'lease') break;
      }
      this.#watching.delete(key);
    };
    const watching = watch();
    this.#watching.set(key, watching);
    return watching;
  }
}

/** Removes entries of one node. Throws if it is unknown whether they are gone. */
export async function removeEntries(node: CacheNode, targets: readonly Target[], deadlineMs: number): Promise<void> {
  if (targets.length === 0) return;
  const replies = await node.execute(
    targets.map(({ name }) => ({ opcode: opcodes.delete, key: name })),
    deadlineMs,
  );
  const refused = replies.find(({ status }) => status !== statuses.ok && status !== statuses.notFound);
  if (refused !== undefined)
    throw new RoostError('Unavailable', `cache node ${node.name} did not remove an entry: status ${refused.status}`, {
      fields: { node: node.name },
    });
}
