import type { Deadline } from '../../core/index.js';

/**
 * A set of ids that can be walked in the order of the ids and asked about membership: what every part of a compound query is.
 * All of them answer from the shards each time; none holds a whole set.
 */
export interface IdSource {
  /** About how many ids there are. Exact for the edges of one node. */
  readonly estimate: bigint;
  /** Up to `limit` ids strictly beyond `beyond`, nearest first: rising or falling. Fewer than `limit` only at the end of the set. */
  next(beyond: bigint | undefined, rising: boolean, limit: number, deadline: Deadline): Promise<bigint[]>;
  /** Which of these ids are in the set. */
  probe(ids: readonly bigint[], deadline: Deadline): Promise<Set<bigint>>;
}
