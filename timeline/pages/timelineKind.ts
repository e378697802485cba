import type { ReadOptions } from '../../wire/index.js';
import type { TimelineEntry } from '../entry.js';
import type { PageTweets } from './pageTweets.js';

/** A range of entries beyond the kept ones. Both bounds are exclusive. */
export interface BehindBounds {
  readonly before?: bigint | undefined;
  readonly since?: bigint | undefined;
  readonly count: number;
}

/** Entries from a timeline's sources, newest first. */
export interface Behind<Item> {
  readonly items: readonly Item[];
  /** The id to continue before; undefined if nothing was found. */
  readonly last: bigint | undefined;
  /** Whether nothing older exists. */
  readonly end: boolean;
}

/** The entries that one step of a rebuild adds. */
export interface Filling {
  readonly entries: readonly TimelineEntry[];
  /** Below this key they may be incomplete; undefined if they are complete. */
  readonly floor: bigint | undefined;
  /** The cursor of the next step; `noStep` after the last. */
  readonly nextCursor: bigint;
}

/** What is known beside the items of a part of a page. */
export interface Beside<Item> {
  /** Older items of the list with the secondary key of some of them, where it counts. */
  readonly older: readonly Item[];
  /** Ids of further items outside the list: see `TimelineKind.pulled`. */
  readonly pulled: readonly bigint[];
  readonly tweets: PageTweets;
}

export const firstStep = -1n;
export const noStep = 0n;

/** A kind of timeline: lists in Redis of items that graphs and tweets determine. Items are ordered newest first. */
export interface TimelineKind<Item> {
  /** The prefix of a list's name, before the user's id. */
  readonly prefix: string;
  /** Whether `shown` considers older entries with the same secondary key as an entry, where it counts. */
  readonly older?: boolean;
  /** Undefined for an entry that somebody else has written. */
  itemOf(entry: TimelineEntry): Item | undefined;
  idOf(item: Item): bigint;
  /** The items that the user may see at present, with those that are pulled. */
  shown(userId: bigint, items: readonly Item[], beside: Beside<Item>, options: ReadOptions): Promise<readonly Item[]>;
  /**
   * The items that a list must hold: those that the user may see. Absent: those of `shown`, which leaves out
   * repetitions.
   */
  due?(userId: bigint, items: readonly Item[], tweets: PageTweets, options: ReadOptions): Promise<readonly Item[]>;
  /**
   * Ids between the bounds of authors whose entries are not all in the list, newest first, at most `count` of each.
   * Absent: there are no such authors.
   */
  pulled?(authors: readonly bigint[], bounds: BehindBounds, options: ReadOptions): Promise<readonly bigint[]>;
  /** Items older than the kept entries. */
  behind(userId: bigint, bounds: BehindBounds, options: ReadOptions): Promise<Behind<Item>>;
  /** One step of a rebuild: some of the newest entries, at most `keep`. */
  fill(userId: bigint, cursor: bigint, keep: number, options: ReadOptions): Promise<Filling>;
}
