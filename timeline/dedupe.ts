import {
  flagsOf,
  fullEntryBytes,
  inOrder,
  keyOf,
  secondaryKeyCounts,
  secondaryKeyOf,
  type TimelineEntry,
} from './entry.js';

/**
 * Leaves one entry of each key, the oldest. With `bySecondaryKey`, an entry whose flags say that its secondary key counts goes as well where an older entry has that
 * key, as its primary or as its secondary one: a retweet after its original. Returns the entries newest first.
 */
export function dedupe(entries: readonly TimelineEntry[], bySecondaryKey: boolean): TimelineEntry[] {
  const keys = new Set<bigint>();
  const secondaryKeys = new Set<bigint>();
  const kept = inOrder(entries).filter((entry) => {
    if (entry.length < fullEntryBytes) return true;
    const key = keyOf(entry);
    const secondary = bySecondaryKey && (flagsOf(entry) & secondaryKeyCounts) !== 0 ? secondaryKeyOf(entry) : undefined;
    if (keys.has(key)) return false;
    if (secondary !== undefined && (secondaryKeys.has(secondary) || keys.has(secondary))) return false;
    keys.add(key);
    if (secondary !== undefined) secondaryKeys.add(secondary);
    return true;
  });
  return kept.reverse();
}
