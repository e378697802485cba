import type { ReadOptions } from '../../wire/index.js';
import type { TimelineEntry } from '../entry.js';

/** Which entries behind the kept ones. Both bounds are exclusive. */
export interface BehindBounds {
  readonly before?: bigint | undefined;
  readonly since?: bigint | undefined;
  readonly count: number;
}

/** Entries from what a timeline is made of, newest first. */
export interface Behind<Item> {
  readonly items: readonly Item[];
  /** The id to go on before; undefined where nothing was found. */
  readonly last: bigint | undefined;
  /** Whether there is nothing older. */
  readonly end: boolean;
}

/** What one step of a rebuild adds. */
export interface Filling {
  readonly entries: readonly TimelineEntry[];
  /** The key below which not all is given; undefined where all is. */
  readonly floor: bigint | undefined;
  /** The cursor of the next step; `noStep` where there is none. */
  readonly nextCursor: bigint;
}

export const firstStep = -1n;
export const noStep = 0n;

/** A kind of timelines, kept as lists in Redis of what stands in graphs and tweets. Items come and go newest first. */
export interface TimelineKind<Item> {
  /** Before the user's id it makes the name of the list. */
  readonly prefix: string;
  /** Whether `shown` looks at older entries whose secondary key counts and is that of an entry. */
  readonly older?: boolean;
  /** Undefined for an entry that is not of this kind: somebody else has written it. */
  itemOf(entry: TimelineEntry): Item | undefined;
  idOf(item: Item): bigint;
  /** Those that the user gets to see, by what is true now. */
  shown(
    userId: bigint,
    items: readonly Item[],
    older: readonly Item[],
    options: ReadOptions,
    /** Ids of more items, which are not in the list: see `pulled`. */
    pulled?: readonly bigint[],
  ): Promise<readonly Item[]>;
  /** Those of the items that a list must hold: those that the user gets to see. Absent: as `shown`, which leaves out what another item shows already. */
  due?(userId: bigint, items: readonly Item[], options: ReadOptions): Promise<readonly Item[]>;
  /** Of authors whose entries are not all in the list: the ids between the bounds, newest first, of each at most the newest `count`. Absent: there are no such authors. */
  pulled?(authors: readonly bigint[], bounds: BehindBounds, options: ReadOptions): Promise<readonly bigint[]>;
  /** What is older than the kept entries. */
  behind(userId: bigint, bounds: BehindBounds, options: ReadOptions): Promise<Behind<Item>>;
  /** One step of a rebuild: some of the newest entries, at most `keep`. */
  fill(userId: bigint, cursor: bigint, keep: number, options: ReadOptions): Promise<Filling>;
}
