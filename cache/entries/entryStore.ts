import { appendTo, groupBy } from '../../core/index.js';
import type { CacheCounts } from '../cacheMetrics.js';
import type { Held, NodeHit } from '../ring/cacheNode.js';
import type { CacheNode } from '../ring/cacheNode.js';
import type { CachePool, Target } from '../ring/cachePool.js';
import type { Reply } from '../ring/connection.js';
import { opcodes, statuses, type CacheOperation } from '../ring/protocol.js';
import type { Codec } from './codec.js';
import { decodeAny, decodeEntry, encodeEntry, entryKinds, type CacheEntry } from './entryFormat.js';

export interface EntryStoreOptions<V> {
  /** The cache's name in entries and metrics: letters and digits. */
  readonly name: string;
  readonly codec: Codec<V>;
  readonly ttlSeconds: number;
  /** Lifetime of entries that record absence. */
  readonly absentTtlSeconds: number;
}

/** The entry found under a key. Without `held` there is nothing to replace. */
export type Found<V> =
  | {
      readonly kind: 'value';
      readonly target: Target;
      readonly value: V;
      readonly entry: CacheEntry;
      readonly held: Held;
    }
  | { readonly kind: 'absent'; readonly target: Target; readonly held: Held }
  /** Somebody loads it. `broken`: they will not be able to put it in, as something was prepended since. */
  | {
      readonly kind: 'lease';
      readonly target: Target;
      readonly sinceMs: number;
      readonly broken: boolean;
      readonly held: Held;
    }
  | { readonly kind: 'missing'; readonly target: Target; readonly held?: Held }
  /** The value is larger than the pool or its node accepts: readers get it from the loader. */
  | { readonly kind: 'tooLarge'; readonly target: Target }
  | { readonly kind: 'unreachable' };

/** The right to store a value. It ends as soon as anybody else touches the entry. */
export interface EntryLease extends Held {
  readonly target: Target;
}

/** An unused lease expires after this time. */
const leaseTtlSeconds = 10;

/**
 * Entries of one kind in one pool: lookups and the steps that change them. Nothing here throws for a node that does
 * not answer.
 */
export class EntryStore<V> {
  readonly counts: CacheCounts;

  constructor(
    readonly pool: CachePool,
    readonly options: EntryStoreOptions<V>,
  ) {
    this.counts = pool.metrics.of(options.name);
  }

  /** Looks up keys with one request to each node. */
  async look(keys: readonly string[]): Promise<Found<V>[]> {
    const { pool } = this;
    const found = new Array<Found<V>>(keys.length).fill(unreachable);
    const { placement } = pool;
    if (placement === undefined) return found;
    if (keys.length === 1) return [await this.#lookAtOne(pool.target(placement, this.options.name, keys[0]!))];
    const targets = new Array<Target | undefined>(keys.length);
    const byNode = new Map<CacheNode, number[]>();
    for (let place = 0; place < keys.length; place++) {
      const target = (targets[place] = pool.target(placement, this.options.name, keys[place]!));
      if (target === undefined) continue;
      appendTo(byNode, target.node, place);
    }
    await Promise.all(
      Array.from(byNode, async ([node, places]) => {
        let hits: (NodeHit | undefined)[];
        try {
          hits = await node.get(
            places.map((place) => targets[place]!.name),
            pool.options.deadlineMs,
          );
        } catch {
          // The caller counts it as bypassed; the node counts its own failures.
          return;
        }
        for (let i = 0; i < places.length; i++) found[places[i]!] = this.read(targets[places[i]!]!, hits[i]);
      }),
    );
    return found;
  }

  async #lookAtOne(target: Target | undefined): Promise<Found<V>> {
    if (target === undefined) return unreachable;
    try {
      const [hit] = await target.node.get([target.name], this.pool.options.deadlineMs);
      return this.read(target, hit);
    } catch {
      return unreachable;
    }
  }

  /** Decodes a looked-up entry. */
  read(target: Target, hit: NodeHit | undefined): Found<V> {
    if (hit === undefined) return { kind: 'missing', target };
    const { codec } = this.options;
    const entry = decodeEntry(target.name, codec.format, hit.value);
    if (entry?.kind === entryKinds.value) {
      const value = decoded(codec, entry);
      if (value !== undefined) {
        this.counts.bytesRead += hit.value.length;
        return { kind: 'value', target, value, entry, held: hit };
      }
    } else if (entry?.kind === entryKinds.lease) {
      return { kind: 'lease', target, sinceMs: entry.stampMs, broken: entry.front.length > 0, held: hit };
    } else if (entry?.kind === entryKinds.absent && entry.front.length === 0) {
      return { kind: 'absent', target, held: hit };
    } else if (entry?.kind === entryKinds.tooLarge) {
      return { kind: 'tooLarge', target };
    }
    this.counts.garbage++;
    if (entry === undefined && decodeAny(target.name, hit.value) === undefined)
      this.pool.foundDamaged(this.options.name, target);
    return { kind: 'missing', target, held: hit };
  }

  /**
   * Requests leases, by place: the lease, `taken` if another process was faster, or undefined if the node did not
   * answer.
   */
  async lease(
    wanted: readonly { readonly target: Target; readonly held?: Held }[],
  ): Promise<(EntryLease | 'taken' | undefined)[]> {
    const replies = await this.#carryOut(
      wanted.map(({ target, held }) => {
        const value = encodeEntry(target.name, entryKinds.lease, this.options.codec.format);
        return {
          target,
          held,
          operation: {
            opcode: held === undefined ? opcodes.add : opcodes.set,
            key: target.name,
            value,
            ttlSeconds: leaseTtlSeconds,
          },
        };
      }),
    );
    // A lease that was stored although no answer came would make every reader wait, with nobody to fill it.
    const unknown = wanted.filter((_, place) => replies[place] === undefined);
    if (unknown.length > 0)
      void this.#carryOut(
        unknown.map(({ target }) => ({ target, operation: { opcode: opcodes.delete, key: target.name } })),
      );
    return replies.map((reply, place) => {
      if (reply === undefined) return undefined;
      return reply.status === statuses.ok
        ? { target: wanted[place]!.target, cas: reply.cas, connection: reply.connection }
        : 'taken';
    });
  }

  /**
   * Stores values whose leases still hold; an undefined value records absence. Returns by place whether it was
   * stored.
   */
  async fill(fills: readonly { readonly lease: EntryLease; readonly value: V | undefined }[]): Promise<boolean[]> {
    const replies = await this.#carryOut(
      fills.map(({ lease, value }) => ({
        target: lease.target,
        held: lease,
        operation: this.storing(lease.target, value),
      })),
    );
    const refused = fills.flatMap(({ lease }, place) =>
      replies[place]?.status === statuses.tooLarge ? [lease.target] : [],
    );
    // A set that the node refuses for its size also deletes the lease. The marker is stored only if nothing else has
    // been since.
    if (refused.length > 0)
      await this.#carryOut(
        refused.map((target) => ({ target, operation: { ...this.#tooLarge(target), opcode: opcodes.add } })),
      );
    return replies.map((reply) => reply?.status === statuses.ok);
  }

  /** Releases leases, so that nobody waits for them. */
  async giveBack(leases: readonly EntryLease[]): Promise<void> {
    await this.#carryOut(
      leases.map((lease) => ({
        target: lease.target,
        held: lease,
        operation: { opcode: opcodes.delete, key: lease.target.name },
      })),
    );
  }

  /** Restamps an entry with the same value. The caller that succeeds holds the lease to renew it. */
  async renew(found: Extract<Found<V>, { kind: 'value' }>): Promise<EntryLease | undefined> {
    const [reply] = await this.#carryOut([
      { target: found.target, held: found.held, operation: this.storing(found.target, found.value) },
    ]);
    return reply?.status === statuses.ok
      ? { target: found.target, cas: reply.cas, connection: reply.connection }
      : undefined;
  }

  /** The command that stores a value, the absence of one, or the marker of a value that is too large. */
  storing(target: Target, value: V | undefined): CacheOperation {
    const { codec, ttlSeconds, absentTtlSeconds } = this.options;
    if (value === undefined)
      return this.#set(target, encodeEntry(target.name, entryKinds.absent, codec.format), absentTtlSeconds);
    const entry = encodeEntry(target.name, entryKinds.value, codec.format, codec.encode(value));
    if (entry.length > this.pool.options.maxValueBytes) return this.#tooLarge(target);
    return this.#set(target, entry, ttlSeconds);
  }

  /** Marks a value as too large. Without the mark, each of its readers would take the lease in turn, for nothing. */
  #tooLarge(target: Target): CacheOperation {
    const { codec, absentTtlSeconds } = this.options;
    this.counts.tooLarge++;
    return this.#set(target, encodeEntry(target.name, entryKinds.tooLarge, codec.format), absentTtlSeconds);
  }

  #set(target: Target, value: Buffer, ttlSeconds: number): CacheOperation {
    this.counts.bytesWritten += value.length;
    return {
      opcode: opcodes.set,
      key: target.name,
      value,
      ttlSeconds: target.gutter ? Math.min(ttlSeconds, this.pool.options.gutterTtlSeconds) : ttlSeconds,
    };
  }

  /**
   * Executes commands, each on its node, or on the connection of the entry that it replaces; undefined for unanswered
   * ones.
   */
  async #carryOut(
    commands: readonly {
      readonly target: Target;
      readonly held?: Held | undefined;
      readonly operation: CacheOperation;
    }[],
  ): Promise<(Reply | undefined)[]> {
    const replies = new Array<Reply | undefined>(commands.length).fill(undefined);
    const groups = groupBy(
      commands.keys(),
      (place) => commands[place]!.held?.connection ?? commands[place]!.target.node,
    );
    await Promise.all(
      Array.from(groups, async ([where, places]) => {
        const operations = places.map((place) => {
          const { operation, held } = commands[place]!;
          return held === undefined ? operation : { ...operation, cas: held.cas };
        });
        try {
          const answers = await where.execute(operations, this.pool.options.deadlineMs);
          for (const [i, place] of places.entries()) replies[place] = answers[i];
        } catch {
          // Whoever asked takes it for not done; it may still be, which every command here is safe against.
        }
      }),
    );
    return replies;
  }
}

const unreachable = { kind: 'unreachable' } as const;

function decoded<V>(codec: Codec<V>, { body, front }: CacheEntry): V | undefined {
  try {
    return codec.decode(body, front);
  } catch {
    // The checksum is right: the entry has a format that another release stored.
    return undefined;
  }
}
