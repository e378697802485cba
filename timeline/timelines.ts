import { limits, RoostError, type Deadline } from '../core/index.js';
import type { Gizzard, Leaf } from '../gizzard/index.js';
import { deadlineOf, type ReadOptions, type WriteOptions } from '../wire/index.js';
import { dedupe } from './dedupe.js';
import { checkEntry, keyOf, secondaryKeyCounts, flagsOf, secondaryKeyOf, type TimelineEntry } from './entry.js';
import { writeOf, type TimelineWrite } from './jobs/timelinePayload.js';
import type { Floor, ListPage, PageBounds, TimelineLists, TimelineRates } from './lists/timelineLists.js';
import { checkName, longestName } from './names.js';
import type { TimelineShards } from './timelineShards.js';

/** A stretch of a timeline. */
export interface Segment {
  /** Newest first. */
  readonly entries: readonly TimelineEntry[];
  /** Entries in the whole timeline. */
  readonly size: number;
}

export interface SpanRequest {
  /** Entries to step over, from the newest on. */
  readonly offset: number;
  /** 0 or less: all that follow. */
  readonly length: number;
  /** Whether an entry whose secondary key counts goes where an older one has that key. */
  readonly dedupe?: boolean;
}

export interface RangeRequest {
  /** Keys above it only; 0 or less: no bound. */
  readonly from: bigint;
  /** Keys below it only; 0 or less: no bound. */
  readonly to: bigint;
  readonly dedupe?: boolean;
}

/**
 * Timelines by name: lists of entries, newest first, kept up to a bound, in replicated shards of Redis. A timeline exists from its first `store` on, until it is deleted or nobody has read it
 * for the time that it is kept. Writes to one that does not exist do nothing.
 *
 * Writes are journaled, idempotent, and may be applied in any order; but `store` and `delete` replace what is there when they are applied.
 * Every method throws RoostError: `InvalidArgument`, `Unavailable`, `DeadlineExceeded`, `Overloaded`, and `FailedPrecondition` where the cluster has no shards for timelines.
 */
export class Timelines {
  constructor(
    readonly gizzard: Gizzard,
    private readonly shards: TimelineShards,
  ) {}

  /** Puts an entry into the timelines that are named by the prefix and each id in base 10, where it belongs by its key. One that holds the key stays as it is. */
  append(entry: TimelineEntry, prefix: string, ids: BigInt64Array, options: WriteOptions = {}): Promise<void> {
    return this.#write(toMany('push', entry, prefix, ids), options);
  }

  /** Removes the entry with the key of the given one from timelines; an append of it that is applied later does nothing. */
  remove(entry: TimelineEntry, prefix: string, ids: BigInt64Array, options: WriteOptions = {}): Promise<void> {
    return this.#write(toMany('remove', entry, prefix, ids), options);
  }

  /** Makes a timeline of these entries alone; answered when it is applied, unless told otherwise. */
  store(name: string, entries: readonly TimelineEntry[], options: WriteOptions = {}): Promise<void> {
    return this.#write(toOne('store', name, entries), { acknowledgment: 'materialized', ...options });
  }

  /** Puts entries where they belong; those that were removed come back. */
  merge(name: string, entries: readonly TimelineEntry[], options: WriteOptions = {}): Promise<void> {
    return this.#write(toOne('merge', name, entries), options);
  }

  /** Removes the entries with the keys of the given ones. */
  unmerge(name: string, entries: readonly TimelineEntry[], options: WriteOptions = {}): Promise<void> {
    return this.#write(toOne('unmerge', name, entries), options);
  }

  delete(name: string, options: WriteOptions = {}): Promise<void> {
    checkName(name);
    return this.#write({ op: 'delete', name }, options);
  }

  /** Merges the entries of one timeline into another, or out of it. False where the source is missing. */
  async transfer(op: 'merge' | 'unmerge', to: string, from: string, options: WriteOptions = {}): Promise<boolean> {
    checkName(to);
    const source = await this.#all(from, options);
    if (source === undefined) return false;
    if (source.entries.length > 0) await this.#write({ op, name: to, entries: source.entries }, options);
    return true;
  }

  /** A span by place. Undefined where the timeline is missing. */
  async get(name: string, request: SpanRequest, options: ReadOptions = {}): Promise<Segment | undefined> {
    const { offset, length } = request;
    if (offset < 0) throw invalid(`an offset is not negative: ${offset}`);
    const all = await this.#all(name, options);
    return (
      all && {
        entries: dedupe(all.entries, request.dedupe === true).slice(offset, length > 0 ? offset + length : undefined),
        size: all.entries.length,
      }
    );
  }

  /** The entries between two keys. Undefined where the timeline is missing. */
  async range(name: string, { from, to, dedupe: bySecondaryKey }: RangeRequest, options: ReadOptions = {}) {
    const all = await this.#all(name, options);
    return (
      all && {
        entries: dedupe(all.entries, bySecondaryKey === true).filter((entry) => {
          const key = keyOf(entry);
          return (from <= 0n || key > from) && (to <= 0n || key < to);
        }),
        size: all.entries.length,
      }
    );
  }

  /**
   * The entries, among the newest `maxSearch`, whose key, or secondary key where it counts, is one of those given; newest first. `maxSearch` below 0 searches all.
   * Undefined where the timeline is missing.
   */
  async filter(name: string, keys: readonly bigint[], maxSearch: number, options: ReadOptions = {}) {
    if (keys.length > limits.idsPerCall) throw invalid(`at most ${limits.idsPerCall} keys in one call`);
    const page = await this.page(name, { limit: maxSearch < 0 ? limits.timelineEntries : maxSearch }, options);
    const wanted = new Set(keys);
    return page?.entries.filter(
      (entry) =>
        wanted.has(keyOf(entry)) || ((flagsOf(entry) & secondaryKeyCounts) !== 0 && wanted.has(secondaryKeyOf(entry))),
    );
  }

  /** A page by keys, newest first. Undefined where the timeline is missing. */
  async page(name: string, bounds: PageBounds, options: ReadOptions = {}): Promise<ListPage | undefined> {
    return this.pageWithin(name, bounds, deadlineOf(options));
  }

  /** The same, until a deadline. */
  async pageWithin(name: string, bounds: PageBounds, deadline: Deadline): Promise<ListPage | undefined> {
    checkName(name);
    return this.shards.read(name, deadline, (lists) => lists.read(name, bounds));
  }

  /** The keys below which some timelines hold nothing, by name. Missing timelines are left out. */
  async floors(names: Iterable<string>, deadline: Deadline): Promise<ReadonlyMap<string, Floor>> {
    const floors = new Map<string, Floor>();
    await Promise.all(
      Array.from(names, async (name) => {
        const floor = await this.shards.read(name, deadline, (lists) => lists.floor(name));
        if (floor !== undefined) floors.set(name, floor);
      }),
    );
    return floors;
  }

  /** How often a timeline is read and its owner posts, as one replica counts it. */
  async rates(name: string, deadline: Deadline): Promise<TimelineRates> {
    return this.shards.read(name, deadline, (lists) => lists.rates(name));
  }

  /** Gives one caller at a time the right to rebuild a timeline, for some time. Returns whether this one has it. */
  async lease(name: string, ms: number, deadline: Deadline): Promise<boolean> {
    return this.shards.read(name, deadline, (lists) => lists.lease(name, ms));
  }

  /** The lists of one replica. */
  listsAt(leaf: Leaf, deadline: Deadline): TimelineLists {
    return this.shards.listsAt(leaf, deadline);
  }

  #all(name: string, options: ReadOptions): Promise<ListPage | undefined> {
    return this.page(name, { limit: limits.timelineEntries }, options);
  }

  async #write(write: TimelineWrite, options: WriteOptions): Promise<void> {
    await this.shards.write(writeOf(write), options);
  }
}

function toMany(op: 'push' | 'remove', entry: TimelineEntry, prefix: string, ids: BigInt64Array): TimelineWrite {
  checkEntry(entry, limits.timelineEntryBytes);
  if (ids.length === 0) throw invalid('a write needs at least one timeline');
  if (ids.length > limits.idsPerCall)
    throw invalid(`at most ${limits.idsPerCall} timelines in one call, not ${ids.length}`);
  checkName(longestName(prefix));
  return { op, entry, prefix, ids };
}

function toOne(op: 'store' | 'merge' | 'unmerge', name: string, entries: readonly TimelineEntry[]): TimelineWrite {
  checkName(name);
  if (entries.length > limits.timelineEntries)
    throw invalid(`at most ${limits.timelineEntries} entries in one call, not ${entries.length}`);
  for (const entry of entries) checkEntry(entry, limits.timelineEntryBytes);
  return { op, name, entries };
}

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);
