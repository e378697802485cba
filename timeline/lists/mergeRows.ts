import { authorOf, keyOf } from '../entry.js';
import { mergePaces, pulledIn } from './pace.js';
import { isTombstone, type Through, type TimelineRow } from './timelineLists.js';

/** The result of `absorb` for two replicas of a timeline: for one key, a tombstone wins over an entry. */
export function mergeRows(mine: TimelineRow, other: TimelineRow): TimelineRow {
  // An empty string at the head says that nothing is missing below.
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
    pace: mergePaces(mine.pace, other.pace),
    stored,
  };
}

/**
 * Whether two replicas of a timeline hold the same entries. Each is trimmed on its own, so that only the part that
 * both cover counts: everything above the higher of their floors. Expiry does not count, nor do tombstones, which no
 * reader sees, nor the authors that each leaves to its readers: of their entries one replica may have more.
 */
export function sameRow(a: TimelineRow, b: TimelineRow): boolean {
  if (a.through !== b.through) return false;
  const floors = [a, b].flatMap(({ stored: [head] }) => (head === undefined || head.length === 0 ? [] : [keyOf(head)]));
  const floor = floors.length === 0 ? undefined : floors.reduce((most, one) => (one > most ? one : most));
  const pulled = new Set([...pulledIn(a.pace), ...pulledIn(b.pace)]);
  const [left, right] = [held(a, floor, pulled), held(b, floor, pulled)];
  return left.length === right.length && left.every((entry, i) => entry.equals(right[i]!));
}

/** Whether a row lacks entries or pulled authors of another: a copy of it is then incomplete. */
export function lacksOf(row: TimelineRow, other: TimelineRow): boolean {
  const merged = mergeRows(row, other);
  return pulledIn(merged.pace).length > pulledIn(row.pace).length || !sameRow(row, merged);
}

const held = (
  { stored }: TimelineRow,
  floor: bigint | undefined,
  pulled: ReadonlySet<bigint | undefined>,
): readonly Buffer[] =>
  stored.filter(
    (entry) =>
      entry.length > 0 &&
      !isTombstone(entry) &&
      (floor === undefined || keyOf(entry) > floor) &&
      !pulled.has(authorOf(entry)),
  );

function compareKeys(a: Buffer, b: Buffer): number {
  const [left, right] = [keyOf(a), keyOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function further(a: Through, b: Through): Through {
  if (a === 'all' || b === undefined) return a;
  if (b === 'all' || a === undefined) return b;
  return a < b ? a : b;
}
