import type { CacheNode, Held } from '../ring/cacheNode.js';
import type { CachePool, Target } from '../ring/cachePool.js';
import { statuses, type CacheOperation } from '../ring/protocol.js';
import type { EntryLease } from '../entries/entryStore.js';
import { LeasedCache, removeEntries, type LeasedCacheOptions } from '../entries/leasedCache.js';

export interface RowCacheOptions<K, V> extends LeasedCacheOptions<K, V> {
  /**
   * Merges two rows of one key by their store's rule for writes: idempotent, commutative and associative. Returns `a`
   * itself if `b` adds nothing.
   */
  readonly merge: (a: V, b: V) => V;
}

/**
 * Rows by id, kept up to date by their writers. Ids without a row are remembered for a short time; a write corrects
 * that. Decisions 0031 and 0032 show why neither a reader with an old row nor a slow writer can undo a newer row.
 */
export class RowCache<K extends bigint | string, V> extends LeasedCache<K, V> {
  readonly #merge: RowCacheOptions<K, V>['merge'];
  /**
   * Leases that writes of this process hold, by key. Concurrent writes of one row, such as those to its replicas,
   * share one: it was taken before each of them.
   */
  readonly #writing = new Map<string, EntryLease>();

  constructor(pool: CachePool | undefined, options: RowCacheOptions<K, V>) {
    super(pool, options);
    this.#merge = options.merge;
  }

  /**
   * Makes a write, and updates the cache before it resolves. `write` commits and returns the resulting rows, whether
   * or not it changed them; it may be repeated, and others may write the same rows concurrently. Throws the errors of
   * `write`, and `Unavailable` if the cache cannot be updated: the rows are then written, and the whole must be
   * repeated before anybody is told of success.
   *
   * `isCurrent` tells whether the replica that `write` writes to has all earlier writes. The rows of a replica that lags
   * are merged into cached rows, and add no entry.
   */
  async through(
    keys: readonly K[],
    write: () => Promise<ReadonlyMap<K, V>>,
    isCurrent: () => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<ReadonlyMap<K, V>> {
    const { store } = this;
    if (store === undefined) return write();
    const names = keys.map(String);
    const leases = await this.#leaseMissing(names);
    // Used once, by the first caller: afterwards its outcome is unknown.
    const take = (name: string): EntryLease | undefined => {
      const lease = leases.get(name);
      return lease !== undefined && this.#writing.get(name) === lease && this.#writing.delete(name) ? lease : undefined;
    };
    try {
      // After the leases were taken: whoever learns later that the database lacks a write ends them.
      const current = await isCurrent();
      const rows = await write();
      this.forget(keys);
      const byName = new Map(keys.map((key) => [String(key), key]));
      await store.pool.settle(this.options.name, names, (node, targets, deadlineMs) =>
        this.#bring(
          node,
          Array.from(targets, ([name, target]) => ({
            target,
            lease: current ? take(name) : undefined,
            row: rows.get(byName.get(name)!),
          })),
          current,
          deadlineMs,
        ),
      );
      this.forget(keys);
      return rows;
    } finally {
      const left = names.map(take).filter((lease) => lease !== undefined);
      if (left.length > 0) await store.giveBack(left);
    }
  }

  /**
   * A lease taken on a missing entry before the write lets the written row be stored without another read of the
   * database.
   */
  async #leaseMissing(names: readonly string[]): Promise<Map<string, EntryLease>> {
    const leases = new Map<string, EntryLease>();
    const { placement } = this.store!.pool;
    if (placement === undefined) return leases;
    const wanted = names.flatMap((name) => {
      const target = this.store!.pool.target(placement, this.options.name, name);
      return target === undefined ? [] : [{ name, target }];
    });
    for (const [place, answer] of (await this.store!.lease(wanted)).entries()) {
      const { name } = wanted[place]!;
      if (typeof answer === 'object') this.#writing.set(name, answer);
      const lease = answer === undefined ? undefined : this.#writing.get(name);
      if (lease !== undefined) leases.set(name, lease);
    }
    return leases;
  }

  async #bring(
    node: CacheNode,
    items: readonly { readonly target: Target; readonly lease: EntryLease | undefined; readonly row: V | undefined }[],
    current: boolean,
    deadlineMs: number,
  ): Promise<void> {
    const store = this.store!;
    const remove: Target[] = [];
    let inspect: Brought<V>[] = [];
    const leased: Replacement<V>[] = [];
    for (const { target, lease, row } of items) {
      if (row === undefined) remove.push(target);
      else if (lease !== undefined && lease.target.name === target.name && lease.connection.dead === undefined)
        leased.push({ target, row, held: lease, operation: store.storing(target, row) });
      else inspect.push({ target, row });
    }
    inspect.push(...(await this.#replace(leased, deadlineMs)));
    for (let round = 0; inspect.length > 0 && round < mergesAtMost; round++) {
      const hits = await node.get(
        inspect.map(({ target }) => target.name),
        deadlineMs,
      );
      const merged: Replacement<V>[] = [];
      for (const [place, { target, row }] of inspect.entries()) {
        const hit = hits[place];
        // Nothing is there, and whoever stores an entry from now on reads the database after the write.
        if (hit === undefined) continue;
        const found = store.read(target, hit);
        const after = found.kind === 'value' ? this.#merge(found.value, row) : row;
        if (found.kind === 'value' && after === found.value) continue;
        if (found.kind === 'value' || (found.kind === 'absent' && current))
          merged.push({ target, row, held: hit, operation: store.storing(target, after) });
        else remove.push(target);
      }
      inspect = await this.#replace(merged, deadlineMs);
    }
    await removeEntries(node, [...remove, ...inspect.map(({ target }) => target)], deadlineMs);
  }

  /** Replaces entries that are unchanged since they were read. Returns the others. */
  async #replace(items: readonly Replacement<V>[], deadlineMs: number): Promise<Brought<V>[]> {
    const left: Brought<V>[] = [];
    for (const connection of new Set(items.map(({ held }) => held.connection))) {
      const group = items.filter(({ held }) => held.connection === connection);
      const replies = await connection.execute(
        group.map(({ operation, held }) => ({ ...operation, cas: held.cas })),
        deadlineMs,
      );
      for (const [place, { status }] of replies.entries()) if (status !== statuses.ok) left.push(group[place]!);
    }
    return left;
  }
}

interface Brought<V> {
  readonly target: Target;
  readonly row: V;
}

interface Replacement<V> extends Brought<V> {
  readonly held: Held;
  readonly operation: CacheOperation;
}

/**
 * Other writes may change an entry concurrently, such as those of other replicas. After this many merges it is
 * removed.
 */
const mergesAtMost = 3;
