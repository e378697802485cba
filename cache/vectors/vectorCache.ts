import { groupBy } from '../../core/index.js';
import type { CacheNode, Held } from '../ring/cacheNode.js';
import type { CachePool, Target } from '../ring/cachePool.js';
import { opcodes, statuses } from '../ring/protocol.js';
import { LeasedCache, removeEntries, type LeasedCacheOptions } from '../entries/leasedCache.js';
import { isWithin, type Vector, type VectorChange } from './vector.js';
import { changeBytes, encodeChange, vectorCodec } from './vectorCodec.js';

export interface VectorCacheOptions<K> extends Omit<LeasedCacheOptions<K, Vector>, 'codec'> {
  /**
   * The most entries of a vector: the newest. `load` returns as many, in order. A key without entries has an empty,
   * complete vector, and is never absent.
   */
  readonly maxCount: number;
}

/** Changes collect in front of a vector until a reader finds this many. A write with more removes it. */
const changesBeforeRewrite = 64;

interface Seen extends Held {
  readonly name: string;
}

/**
 * The newest ids of a list, kept up to date by the list's writers: they prepend their changes, and readers merge
 * both. A change does not create a missing vector.
 */
export class VectorCache<K extends bigint | string> extends LeasedCache<K, Vector> {
  constructor(
    pool: CachePool | undefined,
    readonly of: VectorCacheOptions<K>,
  ) {
    super(pool, { rewriteFrontBytes: changesBeforeRewrite * changeBytes, ...of, codec: vectorCodec(of.maxCount) });
  }

  /**
   * Makes a write to the lists of some keys, and updates the cache before it resolves. `write` commits and returns
   * the change to each list, or `unknown` if it cannot tell, as when everything had been done already. Keys missing
   * from its result count as unknown. Throws as a row cache's `through`.
   */
  async through(
    keys: readonly K[],
    write: () => Promise<ReadonlyMap<K, VectorChange | 'unknown'>>,
  ): Promise<ReadonlyMap<K, VectorChange | 'unknown'>> {
    const { store } = this;
    if (store === undefined) return write();
    const seen = await this.#see(keys);
    const changes = await write();
    this.forget(keys);
    const byName = new Map(keys.map((key) => [String(key), key]));
    await store.pool.settle(this.options.name, [...byName.keys()], (node, targets, deadlineMs) =>
      this.#bring(
        node,
        Array.from(targets, ([name, target]) => {
          const held = seen.get(name);
          seen.delete(name);
          return { target, held, change: changes.get(byName.get(name)!) ?? ('unknown' as const) };
        }),
        deadlineMs,
      ),
    );
    this.forget(keys);
    return changes;
  }

  /** An incomplete vector may be the shorter one: removals do not pull in entries past its end. */
  override agree(cached: Vector, stored: Vector): boolean {
    const count = Math.min(cached.ids.length, this.of.maxCount);
    if (stored.ids.length < count || (stored.ids.length > count && cached.complete)) return false;
    for (let place = 0; place < count; place++) {
      const same =
        cached.ids[place] === stored.ids[place] &&
        cached.positions[place] === stored.positions[place] &&
        (cached.kinds?.[place] ?? 0) === (stored.kinds?.[place] ?? 0);
      if (!same) return false;
    }
    return true;
  }

  /**
   * Reads the entries that exist before the write. Only those change, and only if nobody else has changed them, so
   * that changes have the order of the writes.
   */
  async #see(keys: readonly K[]): Promise<Map<string, Seen>> {
    const seen = new Map<string, Seen>();
    const { pool } = this.store!;
    const { placement } = pool;
    if (placement === undefined) return seen;
    const items = keys.map(String).flatMap((key) => {
      const target = pool.target(placement, this.options.name, key);
      return target === undefined ? [] : [{ key, target }];
    });
    const byNode = groupBy(items, ({ target }) => target.node);
    await Promise.all(
      Array.from(byNode, async ([node, items]) => {
        try {
          const replies = await node.execute(
            items.map(({ target }) => ({
              opcode: opcodes.touch,
              key: target.name,
              ttlSeconds: target.gutter ? pool.options.gutterTtlSeconds : this.options.ttlSeconds,
            })),
            pool.options.deadlineMs,
          );
          for (const [place, { status, cas, connection }] of replies.entries()) {
            const { key, target } = items[place]!;
            if (status === statuses.ok) seen.set(key, { cas, connection, name: target.name });
          }
        } catch {
          // What was not seen is removed after the write.
        }
      }),
    );
    return seen;
  }

  async #bring(
    node: CacheNode,
    items: readonly {
      readonly target: Target;
      readonly held: Seen | undefined;
      readonly change: VectorChange | 'unknown';
    }[],
    deadlineMs: number,
  ): Promise<void> {
    const remove: Target[] = [];
    const prepend: { readonly target: Target; readonly held: Seen; readonly change: VectorChange }[] = [];
    const contested: { readonly target: Target; readonly change: VectorChange }[] = [];
    for (const { target, held, change } of items) {
      if (change === 'unknown' || sizeOf(change) > changesBeforeRewrite) remove.push(target);
      else if (change.repeated === true) contested.push({ target, change });
      else if (held === undefined || held.name !== target.name || held.connection.dead !== undefined)
        remove.push(target);
      else if (sizeOf(change) > 0) prepend.push({ target, held, change });
    }
    for (const connection of new Set(prepend.map(({ held }) => held.connection))) {
      const group = prepend.filter(({ held }) => held.connection === connection);
      const replies = await connection.execute(
        group.map(({ target, held, change }) => ({
          opcode: opcodes.prepend,
          key: target.name,
          value: encodeChange(change),
          cas: held.cas,
        })),
        deadlineMs,
      );
      for (const [place, { status }] of replies.entries()) {
        if (status === statuses.exists) contested.push(group[place]!);
        // Nothing is there any more: whoever puts something in has looked at the database after the write.
        else if (status !== statuses.ok && status !== statuses.notStored) remove.push(group[place]!.target);
      }
    }
    if (contested.length > 0) {
      const hits = await node.get(
        contested.map(({ target }) => target.name),
        deadlineMs,
      );
      for (const [place, { target, change }] of contested.entries()) {
        const hit = hits[place];
        if (hit === undefined) continue;
        const found = this.store!.read(target, hit);
        // The change is there already: from another replica's write, an earlier run of the same job, or a reader who
        // loaded it since.
        if (found.kind !== 'value' || !holds(found.value, change)) remove.push(target);
      }
    }
    await removeEntries(node, remove, deadlineMs);
  }
}

const sizeOf = ({ added = [], removed = [] }: VectorChange): number => added.length + removed.length;

function holds(vector: Vector, { added = [], removed = [] }: VectorChange): boolean {
  const { ids, positions, kinds } = vector;
  return (
    removed.every((id) => !ids.includes(id)) &&
    added.every((entry) => {
      const place = ids.indexOf(entry.id);
      if (place < 0) return !isWithin(vector, entry);
      return positions[place] === entry.position && (kinds?.[place] ?? 0) === (entry.kind ?? 0);
    })
  );
}
