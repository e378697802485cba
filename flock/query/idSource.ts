import type { CompactId } from './compactId.js';
import type { QueryRun } from './queryRun.js';

/** Some ids of a set, nearest first. */
export interface IdBatch {
  readonly ids: readonly CompactId[];
  /** All ids up to this one have been decided; undefined: all to the end of the set. */
  readonly through: CompactId | undefined;
}

/**
 * A set that can be walked in id order and probed for membership; every part of a compound query is one. Sets read
 * from the shards each time; none holds all of its ids.
 */
export interface IdSource {
  /** A name for `explain`. */
  readonly label: string;
  /** Estimated number of ids; exact for the edges of one node, an upper bound otherwise. */
  estimate(run: QueryRun): Promise<bigint>;
  /**
   * Ids strictly beyond `beyond`, rising or falling: `limit` of them, or fewer at the end of the set or of the
   * query's budget.
   */
  next(beyond: CompactId | undefined, rising: boolean, limit: number, run: QueryRun): Promise<IdBatch>;
  /** Which of these ids are in the set. */
  probe(ids: readonly CompactId[], run: QueryRun): Promise<ReadonlySet<CompactId>>;
}

/** Whether `a` comes before `b` in the direction of the walk. */
export const precedes = (a: CompactId, b: CompactId, rising: boolean): boolean => (rising ? a < b : a > b);
