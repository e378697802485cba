import type { CompactId } from './compactId.js';
import type { QueryRun } from './queryRun.js';

/** Some ids of a set, nearest first. */
export interface IdBatch {
  readonly ids: readonly CompactId[];
  /** Everything up to and including this id has been decided; undefined: everything to the end of the set. */
  readonly through: CompactId | undefined;
}

/**
 * A set of ids that can be walked in the order of the ids and asked about membership: what every part of a compound query is.
 * All of them answer from the shards each time; none holds a whole set.
 */
export interface IdSource {
  /** What it is, for `explain`. */
  readonly label: string;
  /** About how many ids there are; exact for the edges of one node, an upper bound otherwise. */
  estimate(run: QueryRun): Promise<bigint>;
  /** Ids strictly beyond `beyond`, rising or falling: `limit` of them, or fewer at the end of the set and where the query's budget is spent. */
  next(beyond: CompactId | undefined, rising: boolean, limit: number, run: QueryRun): Promise<IdBatch>;
  /** Which of these ids are in the set. */
  probe(ids: readonly CompactId[], run: QueryRun): Promise<ReadonlySet<CompactId>>;
}

/** Whether `a` comes before `b` in the direction of the walk. */
export const precedes = (a: CompactId, b: CompactId, rising: boolean): boolean => (rising ? a < b : a > b);
