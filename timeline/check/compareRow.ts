import { authorOf, keyOf, type TimelineEntry } from '../entry.js';
import { pulledIn } from '../lists/pace.js';
import { isTombstone, type TimelineRow } from '../lists/timelineLists.js';
import type { TimelineMerge } from './timelineMerge.js';

/** The differences between a timeline's replica and its merge, as keys of entries. */
export interface RowDifferences {
  readonly missing: readonly bigint[];
  /** Held with other bytes than the source's: with another author, say. */
  readonly wrong: readonly bigint[];
  /** Held although no source has them any more; readers do not see these. */
  readonly hidden: readonly bigint[];
}

/**
 * Compares as far down as both the list and the merge are complete. Tweets of authors that the list leaves to its
 * readers may be missing.
 */
export function compareRow({ stored, pace }: TimelineRow, { all, due, floor }: TimelineMerge): RowDifferences {
  const held = new Map<bigint, TimelineEntry>();
  for (const entry of stored) if (entry.length > 0 && !isTombstone(entry)) held.set(keyOf(entry), entry);
  const head = stored[0];
  const heldTo = head === undefined || head.length === 0 ? undefined : keyOf(head);
  const pulled = new Set<bigint | undefined>(pulledIn(pace));
  const missing = [...due].filter(
    (key) => (heldTo === undefined || key > heldTo) && !held.has(key) && !pulled.has(authorOf(all.get(key)!)),
  );
  const compared = [...held].filter(([key]) => floor === undefined || key >= floor);
  return {
    missing,
    wrong: compared.flatMap(([key, entry]) => (all.get(key)?.equals(entry) === false ? [key] : [])),
    hidden: compared.flatMap(([key]) => (all.has(key) ? [] : [key])),
  };
}
