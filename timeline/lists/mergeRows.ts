import { keyOf } from '../entry.js';
import { isTombstone, type Through, type TimelineRow } from './timelineLists.js';

/** What `absorb` makes of two replicas of a timeline: of one key, a tombstone wins over an entry. */
export function mergeRows(mine: TimelineRow, other: TimelineRow): TimelineRow {
  // At the head, an empty string says that nothing is missing below.
  const whole = [mine, other].find(({ stored: [head] }) => head?.length === 0);
  const stored: Buffer[] = whole === undefined ? [] : [whole.stored[0]!];
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
 * Whether two replicas hold the same of a timeline. When each of them was trimmed is its own affair, so that what both hold counts: all above the higher of the keys that bound them.
 * So is when they expire.
 */
export function sameRow(a: TimelineRow, b: TimelineRow): boolean {
  if (a.through !== b.through) return false;
  const floors = [a, b].flatMap(({ stored: [head] }) => (head === undefined || head.length === 0 ? [] : [keyOf(head)]));
  const floor = floors.length === 0 ? undefined : floors.reduce((most, one) => (one > most ? one : most));
  const [left, right] = [held(a, floor), held(b, floor)];
  return left.length === right.length && left.every((entry, i) => entry.equals(right[i]!));
}

const held = ({ stored }: TimelineRow, floor: bigint | undefined): readonly Buffer[] =>
  stored.filter((entry) => entry.length > 0 && (floor === undefined || keyOf(entry) > floor));

function compareKeys(a: Buffer, b: Buffer): number {
  const [left, right] = [keyOf(a), keyOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function further(a: Through, b: Through): Through {
  if (a === 'all' || b === undefined) return a;
  if (b === 'all' || a === undefined) return b;
  return a < b ? a : b;
}
