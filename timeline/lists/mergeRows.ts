import { keyOf } from '../entry.js';
import { isTombstone, type Through, type TimelineRow } from './timelineLists.js';

/** What `absorb` makes of two replicas of a timeline: of one key, a tombstone wins over an entry. */
export function mergeRows(mine: TimelineRow, other: TimelineRow): TimelineRow {
  const stored: Buffer[] = [];
  let [a, b] = [0, 0];
  while (a < mine.stored.length || b < other.stored.length) {
    const [left, right] = [mine.stored[a], other.stored[b]];
    const order = left === undefined ? 1 : right === undefined ? -1 : compareKeys(left, right);
    const next = order < 0 ? left! : order > 0 ? right! : isTombstone(right!) ? right! : left!;
    if (order <= 0) a++;
    if (order >= 0) b++;
    if (next.length > 0) stored.push(next);
  }
  return {
    name: mine.name,
    through: further(mine.through, other.through),
    ttlMs: Math.max(mine.ttlMs, other.ttlMs),
    stored,
  };
}

/**
 * Whether two replicas hold the same of a timeline. When each of them was trimmed is its own affair: where both are full, the newest `keep` count. So is when they expire.
 */
export function sameRow(a: TimelineRow, b: TimelineRow, keep: number): boolean {
  if (a.through !== b.through) return false;
  const [left, right] = [held(a), held(b)];
  const full = left.length >= keep && right.length >= keep;
  if (!full && left.length !== right.length) return false;
  const from = full ? keep : left.length;
  for (let i = 1; i <= from; i++) if (!left[left.length - i]!.equals(right[right.length - i]!)) return false;
  return true;
}

/** Without the sentinel of an empty timeline. */
const held = ({ stored }: TimelineRow): readonly Buffer[] => stored.filter((entry) => entry.length > 0);

function compareKeys(a: Buffer, b: Buffer): number {
  const [left, right] = [keyOf(a), keyOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function further(a: Through, b: Through): Through {
  if (a === 'all' || b === undefined) return a;
  if (b === 'all' || a === undefined) return b;
  return a < b ? a : b;
}
