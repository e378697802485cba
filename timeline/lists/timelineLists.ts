import { randomInt } from 'node:crypto';
import { RoostError, type Deadline } from '../../core/index.js';
import type { KeySpaces, LuaScript, RedisHost, SpaceOwner } from '../../redis/index.js';
import { inOrder, keyBytes, keyOf, type TimelineEntry } from '../entry.js';
import { leftTo, pulledIn } from './pace.js';
import { scripts } from './scripts.js';

type Scripts = typeof scripts;
type ArgsOf<Name extends keyof Scripts> =
  Scripts[Name] extends LuaScript<infer _Keys, infer Args, infer _Answer> ? Args : never;
type AnswerOf<Name extends keyof Scripts> =
  Scripts[Name] extends LuaScript<infer _Keys, infer _Args, infer Answer> ? Answer : never;

export type TimelineIds = readonly bigint[] | BigInt64Array;

/** Timelines that one step changes; Redis answers nobody else meanwhile. */
const timelinesPerStep = 1_000;
/** The most authors that a timeline leaves to its readers; further ones are pushed. */
const pulledPerTimeline = 256;
/** Timelines sampled to estimate the size of all. */
const sampledTimelines = 20;
const tombstone = 'gone';

export interface ListLimits {
  /** Entries that a timeline is trimmed to. */
  readonly keep: number;
  /** Entries from which on it is trimmed. */
  readonly trimPast: number;
  /** Lifetime of a timeline that nobody reads. */
  readonly ttlSeconds: number;
}

/** How far back a timeline is complete: entirely, down to a key, or not at all yet. */
export type Through = 'all' | bigint | undefined;

/** The key below which a timeline holds nothing, or `all`. */
export type Floor = 'all' | bigint;

export interface ListPage {
  /** Newest first. */
  readonly entries: readonly TimelineEntry[];
  readonly through: Through;
  /** Whether nothing older is kept. */
  readonly end: boolean;
  /** Whether nothing older exists at all, kept or not. */
  readonly whole: boolean;
  /** If requested: older kept entries with the same secondary key as one of the page, where it counts. */
  readonly older: readonly TimelineEntry[];
  /** Authors whose entries are not all here: readers pull them. */
  readonly pulled: readonly bigint[];
}

export interface PageBounds {
  /** Only keys below this one. */
  readonly before?: bigint | undefined;
  /** Only keys above this one. */
  readonly since?: bigint | undefined;
  readonly limit: number;
  /** Whether to look for older entries with the secondary keys of the page. */
  readonly older?: boolean;
  /** Whether it counts as a read by the timeline's owner, whose rate decides on push or pull. */
  readonly reading?: boolean;
}

/** How to deliver an entry. */
export interface DeliveryTerms {
  /** The offset of the author's id in the entry. */
  readonly at: number;
  /** The decayed number of reads from which on entries are pushed. */
  readonly least: number;
  /** Marks authors to be filled in: 32 bits, not 0. */
  readonly token: number;
  /** Whether to restore the entry where it was removed. */
  readonly revive: boolean;
}

export interface Delivered {
  /** Timelines that took the entry, and those that leave it to their readers. */
  readonly pushed: number;
  readonly left: number;
  /**
   * Timelines to which the author is pushed from now on, and pulled until the fill with the token brings what was not
   * pushed.
   */
  readonly fills: readonly { readonly id: bigint; readonly token: number }[];
}

/** The decayed numbers of reads of a timeline, and of its owner's posts, on one replica. */
export interface TimelineRates {
  readonly posts: number;
  /** The terms of the last post: see `PostTerms`. Empty if there was none. */
  readonly terms: Buffer;
  readonly reads: number;
  /** Undefined if the timeline is missing. */
  readonly pulled: readonly bigint[] | undefined;
}

export interface ListsSize {
  /** Expired ones count until somebody lists them. */
  readonly lists: number;
  readonly entries: number;
  readonly bytes: number;
}

/** Everything stored for a timeline. */
export interface TimelineRow {
  readonly name: string;
  readonly through: Through;
  readonly ttlMs: number;
  /** Its rate of reads and its pulled authors, as stored; empty if there is nothing. */
  readonly pace: Buffer;
  /** Ascending by key, with tombstones. */
  readonly stored: readonly Buffer[];
}

/**
 * The timelines of one shard, as lists in one Redis, for the duration of one call. Each method is one atomic step, or
 * several that may be repeated: concurrent pushes and merges lose nothing.
 *
 * A Redis that comes back empty gets the shard anew, with all its timelines missing. Every method throws as
 * `RedisHost.run`, and `FailedPrecondition` if the shard was removed.
 */
export class TimelineLists {
  constructor(
    private readonly host: RedisHost,
    private readonly spaces: KeySpaces,
    private readonly shard: SpaceOwner,
    private readonly limits: ListLimits,
    private readonly deadline: Deadline,
  ) {}

  /**
   * Adds an entry to existing timelines, in order; an entry of the same key stays as it is. Returns how many took it.
   */
  async push(entry: TimelineEntry, prefix: string, ids: TimelineIds): Promise<number> {
    const counts = this.#steps(ids, (some) => this.#run('push', { entry, ...this.#bounds, prefix, ids: some }));
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  /** Adds an entry to existing timelines, except those whose readers pull its author. See `deliver.lua`. */
  async deliver(
    entry: TimelineEntry,
    prefix: string,
    ids: TimelineIds,
    { at, least, token, revive }: DeliveryTerms,
  ): Promise<Delivered> {
    const terms = { at, least, token, most: pulledPerTimeline, revive: revive ? 1 : 0 } as const;
    const answers = await Promise.all(
      this.#steps(ids, (some) => this.#run('deliver', { entry, ...this.#bounds, prefix, ids: some, ...terms })),
    );
    return {
      pushed: answers.reduce((sum, [pushed]) => sum + pushed, 0),
      left: answers.reduce((sum, [, left]) => sum + left, 0),
      fills: answers.flatMap(([, , ...fills]) => leftTo(fills)),
    };
  }

  /** Counts a post by a timeline's owner, and stores its terms. */
  async posted(name: string, terms: Buffer): Promise<void> {
    await this.#run('posted', { name, ttl: this.limits.ttlSeconds, terms });
  }

  async rates(name: string): Promise<TimelineRates> {
    const [posts, terms, reads, pace] = await this.#run('rates', { name });
    const pulled = pace === null ? undefined : pulledIn(pace);
    return { posts: Number(posts.toString()), terms, reads: Number(reads.toString()), pulled };
  }

  /**
   * Removes the entry of the same key from timelines, and keeps it out if it arrives later. Returns how many held it,
   * and how many of the timelines there are.
   */
  async remove(
    entry: TimelineEntry,
    prefix: string,
    ids: TimelineIds,
  ): Promise<{ readonly held: number; readonly there: number }> {
    const counts = await Promise.all(
      this.#steps(ids, (some) => this.#run('remove', { entry, ...this.#bounds, prefix, ids: some })),
    );
    return {
      held: counts.reduce((sum, [held]) => sum + held, 0),
      there: counts.reduce((sum, [, there]) => sum + there, 0),
    };
  }

  /** Creates a timeline with these entries alone. */
  async store(name: string, entries: readonly TimelineEntry[]): Promise<void> {
    const { ttlSeconds, keep } = this.limits;
    const kept = inOrder(entries).slice(-keep);
    await this.#run('store', { name, ttl: ttlSeconds, keep, entries: kept });
  }

  /** Creates a timeline that is to be filled, unless it exists. Returns whether it did. */
  async begin(name: string): Promise<boolean> {
    return (await this.#run('begin', { name, ttl: this.limits.ttlSeconds })) === 1;
  }

  /**
   * Adds entries in order; existing keys are skipped, removed ones return. Returns how many were added; undefined if
   * the timeline is missing.
   *
   * @param through how far back the timeline is complete with them; absent: as before
   * @param floor the key below which the entries are incomplete, so that the list ends there; absent: they are
   * complete
   * @param settles the author and token of a fill that ends a pull
   */
  async merge(
    name: string,
    entries: readonly TimelineEntry[],
    {
      through,
      floor,
      settles,
    }: {
      readonly through?: Through;
      readonly floor?: bigint | undefined;
      readonly settles?: { readonly author: bigint; readonly token: number };
    } = {},
  ): Promise<number | undefined> {
    const given = inOrder(entries);
    return present(
      await this.#run('merge', {
        name,
        ...this.#bounds,
        through: markOf(through),
        floor: bound(floor),
        author: bound(settles?.author),
        token: settles?.token ?? 0,
        given,
      }),
    );
  }

  /** Removes the entries of some keys. Returns how many it held; undefined if the timeline is missing. */
  async unmerge(name: string, keys: readonly bigint[]): Promise<number | undefined> {
    return present(await this.#run('unmerge', { name, ...this.#bounds, keys: keys.map(keyBytes) }));
  }

  /** Reads a page, newest first, and renews the timeline's lifetime. Undefined if it is missing. */
  async read(name: string, { before, since, limit, older, reading }: PageBounds): Promise<ListPage | undefined> {
    const answer = await this.#run('read', {
      name,
      ttl: this.limits.ttlSeconds,
      limit,
      before: bound(before),
      since: bound(since),
      originals: older === true ? 1 : 0,
      reading: reading === true ? 1 : 0,
    });
    if (answer === null) return undefined;
    const [through, mark, count, pulled, ...entries] = answer;
    return {
      entries: entries.slice(0, count),
      through: throughOf(through),
      end: mark !== 0,
      whole: mark === 2,
      older: entries.slice(count),
      pulled: pulledIn(pulled, 0),
    };
  }

  /** Removes the entries with these bytes at an offset. Returns how many; undefined if the timeline is missing. */
  async withdraw(name: string, at: number, bytes: Buffer): Promise<number | undefined> {
    return present(await this.#run('withdraw', { name, at, bytes }));
  }

  /**
   * Adds an entry in order, and removes older ones with the same bytes from an offset on. Returns how many it removed;
   * undefined if the timeline is missing.
   */
  async supersede(name: string, at: number, entry: TimelineEntry): Promise<number | undefined> {
    return present(await this.#run('supersede', { name, ...this.#bounds, at, entry }));
  }

  /** Grants one caller at a time the right to rebuild a timeline. Returns whether this one has it. */
  async lease(name: string, ms: number): Promise<boolean> {
    return (await this.#run('lease', { name, ms })) === 1;
  }

  /** Deletes a timeline. Returns whether there was one. */
  async delete(name: string): Promise<boolean> {
    return (await this.#run('delete', { name })) === 1;
  }

  /** The names after a given one, ascending by bytes; `next` is undefined at the end. */
  async names(after: string, limit: number): Promise<{ readonly names: readonly string[]; readonly next?: string }> {
    const [last, ...names] = await this.#run('names', { after, limit });
    return { names: names.map(String), ...(last.length > 0 && { next: String(last) }) };
  }

  #steps<T>(ids: TimelineIds, step: (ids: string) => Promise<T>): Promise<T>[] {
    const steps: Promise<T>[] = [];
    for (let from = 0; from < ids.length; from += timelinesPerStep)
      steps.push(step(ids.slice(from, from + timelinesPerStep).join(',')));
    return steps;
  }

  get #bounds(): { readonly keep: number; readonly max: number } {
    return { keep: this.limits.keep, max: this.limits.trimPast };
  }

  /** The number of timelines; expired ones count until somebody lists them. */
  async count(): Promise<number> {
    const index = await this.#index();
    return index === undefined ? 0 : this.host.run(this.deadline, (redis) => redis.zcard(index));
  }

  /**
   * The size of the timelines whose names begin with a prefix that ends in a colon: their number, and an estimate of
   * entries and bytes from a sample.
   */
  async sizeOf(prefix: string): Promise<ListsSize> {
    const index = await this.#index();
    if (index === undefined) return { lists: 0, entries: 0, bytes: 0 };
    // A semicolon is the character after a colon.
    const [from, to] = [`[${prefix}`, `(${prefix.slice(0, -1)};`];
    return this.host.run(this.deadline, async (redis) => {
      const lists = await redis.zlexcount(index, from, to);
      const skipped = randomInt(Math.max(1, lists - sampledTimelines));
      const names = await redis.zrangebylex(index, from, to, 'LIMIT', skipped, sampledTimelines);
      const sampled = await Promise.all(
        names.map(async (name) => {
          const keys = [`${index}:${name}`, `${index}#pace#${name}`];
          const [entries, ...bytes] = await Promise.all([
            redis.llen(keys[0]!),
            ...keys.map((key) => redis.memory('USAGE', key)),
          ]);
          return { entries, bytes: bytes.reduce<number>((sum, some) => sum + Number(some ?? 0), 0) };
        }),
      );
      const ofAll = (sum: number): number => Math.round((sum * lists) / Math.max(1, names.length));
      return {
        lists,
        entries: ofAll(sampled.reduce((sum, one) => sum + one.entries, 0)),
        bytes: ofAll(sampled.reduce((sum, one) => sum + one.bytes, 0)),
      };
    });
  }

  /** The key below which a timeline holds nothing; `all` if it holds everything, undefined if it is missing. */
  async floor(name: string): Promise<Floor | undefined> {
    const answer = await this.#run('floor', { name });
    if (answer === null) return undefined;
    return answer.length === 0 ? 'all' : keyOf(answer);
  }

  /** Undefined if the timeline is missing. */
  async row(name: string): Promise<TimelineRow | undefined> {
    const answer = await this.#run('row', { name });
    if (answer === null) return undefined;
    const [through, ttlMs, pace, ...stored] = answer;
    return { name, through: throughOf(through), ttlMs, pace, stored };
  }

  /** The existing ones, in the order of the names. */
  async rows(names: readonly string[]): Promise<TimelineRow[]> {
    const rows = await Promise.all(names.map((name) => this.row(name)));
    return rows.filter((row) => row !== undefined);
  }

  /** The name `limit` timelines after another; undefined if fewer are left. */
  async nameBehind(after: string, limit: number): Promise<string | undefined> {
    const index = await this.#index();
    const from = after === '' ? '-' : `(${after}`;
    const [name] =
      index === undefined
        ? []
        : await this.host.run(this.deadline, (redis) => redis.zrangebylex(index, from, '+', 'LIMIT', limit - 1, 1));
    return name;
  }

  /** The names after one, up to and including another; without it up to the last. */
  async namesBetween(after: string, end: string | undefined): Promise<string[]> {
    const index = await this.#index();
    if (index === undefined) return [];
    const from = after === '' ? '-' : `(${after}`;
    const to = end === undefined ? '+' : `[${end}`;
    return this.host.run(this.deadline, (redis) => redis.zrangebylex(index, from, to));
  }

  async #index(): Promise<string | undefined> {
    return (await this.spaces.spaceOf(this.host, this.shard, this.deadline))?.slice(0, -1);
  }

  /** Merges another replica's row of a timeline into this one. For one key, a tombstone wins over an entry. */
  async absorb({ name, through, ttlMs, pace, stored }: TimelineRow): Promise<void> {
    const mark = markOf(through);
    await this.#run('absorb', { name, ...this.#bounds, through: mark, ttlMs, pace, stored });
  }

  async #run<Name extends keyof Scripts>(name: Name, args: Omit<ArgsOf<Name>, 'shard'>): Promise<AnswerOf<Name>> {
    try {
      return await this.#once(name, args);
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      if (message.startsWith('GONESHARD'))
        throw new RoostError(
          'FailedPrecondition',
          `shard ${this.shard.id.tablePrefix} is no longer on ${this.host.name}`,
          {
            fields: { shard: this.shard.id.tablePrefix, host: this.host.name },
            cause: error,
          },
        );
      if (!message.startsWith('NOSHARD')) throw error;
      await this.spaces.create(this.host, this.shard, this.deadline);
      return this.#once(name, args);
    }
  }

  #once<Name extends keyof Scripts>(name: Name, args: Omit<ArgsOf<Name>, 'shard'>): Promise<AnswerOf<Name>> {
    const script = scripts[name] as unknown as LuaScript<{ readonly shards: string }, object, AnswerOf<Name>>;
    const given = { shard: this.shard.id.tablePrefix, ...args };
    return this.host.run(this.deadline, (redis) => script.run(redis, { shards: this.spaces.shards }, given));
  }
}

const present = (count: unknown): number | undefined => (count === -1 ? undefined : (count as number));

const bound = (key: bigint | undefined): Buffer | string => (key === undefined ? '' : keyBytes(key));

const markOf = (through: Through): string | Buffer =>
  through === undefined ? '' : through === 'all' ? through : keyBytes(through);

const throughOf = (mark: Buffer): Through =>
  mark.length === 0 ? undefined : mark.length === 8 ? mark.readBigInt64LE(0) : 'all';

/** Whether a stored value stands for a removed entry. */
export const isTombstone = (stored: Buffer): boolean =>
  stored.length === 12 && stored.toString('latin1', 8) === tombstone;
