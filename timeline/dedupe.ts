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
 * Keeps one entry per key, the oldest. With `bySecondaryKey`, an entry whose flags make its secondary key count is
 * dropped too if an older entry has that key, as primary or secondary: a retweet after its original. Returns the
 * entries newest first.
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
