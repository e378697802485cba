import type { CacheNode } from '../ring/cacheNode.js';
import type { CachePool, Target } from '../ring/cachePool.js';
import { opcodes, statuses, type Operation } from '../ring/protocol.js';
import type { Codec } from '../entries/codec.js';
import { decodeEntry, entryKinds } from '../entries/entryFormat.js';
import type { Lease } from '../entries/entryStore.js';
import { LeasedCache, removeEntries, type LeasedCacheOptions } from '../entries/leasedCache.js';

export interface RowCacheOptions<K, V> extends LeasedCacheOptions<K, V> {
  /** Writes pass through a row cache, so that its rows need versions: a row with a lower one never replaces a row with a higher one. */
  readonly codec: Codec<V> & { version(value: V): bigint };
}

/**
 * Rows by id, kept up to date by whoever writes them. Ids without a row are remembered for a short time, and a write corrects that.
 * Why a reader that loaded an old row, or a slow writer, never replaces a newer one: docs/decisions/0031.
 */
export class RowCache<K extends bigint | string, V> extends LeasedCache<K, V> {
  readonly #codec: RowCacheOptions<K, V>['codec'];

  constructor(pool: CachePool | undefined, options: RowCacheOptions<K, V>) {
    super(pool, options);
    this.#codec = options.codec;
  }

  /**
   * Does a write, and brings it to the cache before it returns. `write` commits, and answers with the rows as they then are in the database, whether or not it
   * changed them; it may be repeated, and others may write the same rows at the same time. Throws what it throws, and `Unavailable` where the cache cannot be
   * brought up to date: the rows are written then, and the whole is to be repeated before anybody is told so.
   */
  async through(keys: readonly K[], write: () => Promise<ReadonlyMap<K, V>>): Promise<ReadonlyMap<K, V>> {
    const { store } = this;
    if (store === undefined) return write();
    const leases = await this.#leaseMissing(keys);
    let rows: ReadonlyMap<K, V>;
    try {
      rows = await write();
    } catch (error) {
      await store.giveBack([...leases.values()]);
      throw error;
    }
    this.forget(keys);
    const byName = new Map(keys.map((key) => [String(key), key]));
    await store.pool.settle(this.options.name, [...byName.keys()], (node, targets, deadlineMs) =>
      this.#bring(node, Array.from(targets, ([name, target]) => ({ target, lease: take(leases, name), row: rows.get(byName.get(name)!) })), deadlineMs),
    );
    this.forget(keys);
    return rows;
  }

  /** Leases on entries that are not there yet, taken before the write, let what was just written be put in without another look at the database. */
  async #leaseMissing(keys: readonly K[]): Promise<Map<string, Lease>> {
    const leases = new Map<string, Lease>();
    const { pool, options } = { pool: this.store!.pool, options: this.options };
    const { placement } = pool;
    if (placement === undefined) return leases;
    const names = keys.map(String);
    const wanted = names.flatMap((key) => {
      const target = pool.target(placement, options.name, key);
      return target === undefined ? [] : [{ key, target }];
    });
    const answers = await this.store!.lease(wanted);
    for (const [place, answer] of answers.entries()) if (typeof answer === 'object') leases.set(wanted[place]!.key, answer);
    return leases;
  }

  async #bring(node: CacheNode, items: readonly { readonly target: Target; readonly lease: Lease | undefined; readonly row: V | undefined }[], deadlineMs: number): Promise<void> {
    const store = this.store!;
    const remove: Target[] = [];
    const replace: { readonly target: Target; readonly held: Pick<Lease, 'cas' | 'connection'>; readonly operation: Operation }[] = [];
    const inspect: { readonly target: Target; readonly row: V }[] = [];
    for (const { target, lease, row } of items) {
      if (row === undefined) remove.push(target);
      else if (lease !== undefined && lease.target.name === target.name && lease.connection.dead === undefined) replace.push({ target, held: lease, operation: store.storing(target, row) });
      else inspect.push({ target, row });
    }
    if (inspect.length > 0) {
      const hits = await node.get(
        inspect.map(({ target }) => target.name),
        deadlineMs,
      );
      for (const [place, { target, row }] of inspect.entries()) {
        const hit = hits[place];
        // Nothing there, and whoever puts something in from now on has looked at the database after the write.
        if (hit === undefined) continue;
        const entry = decodeEntry(target.name, this.#codec.format, hit.value);
        const version = this.#codec.version(row);
        const known = entry?.kind === entryKinds.value || entry?.kind === entryKinds.absent ? entry : undefined;
        if (known === undefined) remove.push(target);
        else if (known.version < version) replace.push({ target, held: hit, operation: store.storing(target, row) });
        else if (known.version === version && !known.body.equals(this.#codec.encode(row))) remove.push(target);
      }
    }
    for (const connection of new Set(replace.map(({ held }) => held.connection))) {
      const group = replace.filter(({ held }) => held.connection === connection);
      const replies = await connection.execute(
        group.map(({ operation, held }) => ({ ...operation, cas: held.cas })),
        deadlineMs,
      );
      for (const [place, { status }] of replies.entries()) if (status !== statuses.ok || group[place]!.operation.opcode !== opcodes.set) remove.push(group[place]!.target);
    }
    await removeEntries(node, remove, deadlineMs);
  }
}

/** A lease is tried once: after that it is not known what became of it. */
function take(leases: Map<string, Lease>, key: string): Lease | undefined {
  const lease = leases.get(key);
  leases.delete(key);
  return lease;
}
