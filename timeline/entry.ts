import { RoostError } from '../core/index.js';

/**
 * An entry of a timeline, in Redis and on the wire: the sort key (8 bytes), a secondary key (8), flags (4), all
 * little-endian, and any further bytes. Shorter entries are kept as they are; missing parts count as 0.
 */
export type TimelineEntry = Buffer;

/** A shorter entry has no key that counts: it is never deduplicated. */
export const fullEntryBytes = 20;
/** The flag that makes the secondary key count for deduplication and filters. */
export const secondaryKeyCounts = 0x8000_0000;

/** The offset of the author, 8 bytes, in an entry that is delivered to followers. */
export const authorAt = fullEntryBytes;
export const authorOf = (entry: TimelineEntry): bigint | undefined =>
  entry.length < authorAt + 8 ? undefined : entry.readBigInt64LE(authorAt);

export const keyOf = (entry: TimelineEntry): bigint => (entry.length < 8 ? 0n : entry.readBigInt64LE(0));
export const secondaryKeyOf = (entry: TimelineEntry): bigint => (entry.length < 16 ? 0n : entry.readBigInt64LE(8));
export const flagsOf = (entry: TimelineEntry): number => (entry.length < fullEntryBytes ? 0 : entry.readUInt32LE(16));

/**
 * Whether every number of an entry of tweets or activities can be an id. A negative one is none: a bit has flipped in
 * the Redis.
 */
export function holdsIds(entry: TimelineEntry): boolean {
  if (keyOf(entry) < 0n || secondaryKeyOf(entry) < 0n) return false;
  for (let at = authorAt; at + 8 <= entry.length; at += 8) if (entry.readBigInt64LE(at) < 0n) return false;
  return true;
}

/** Sorts ids as timelines have them. */
export const newestFirst = (a: bigint, b: bigint): number => (a > b ? -1 : a < b ? 1 : 0);

/** An entry of 20 bytes. Ids are 0 … 2^63 − 1, flags have 32 bits. */
export function makeEntry(key: bigint, secondaryKey = 0n, flags = 0): TimelineEntry {
  const entry = Buffer.allocUnsafe(fullEntryBytes);
  entry.writeBigInt64LE(key, 0);
  entry.writeBigInt64LE(secondaryKey, 8);
  entry.writeUInt32LE(flags >>> 0, 16);
  return entry;
}

/** A key's 8 bytes, with which entries begin. */
export function keyBytes(key: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64LE(key, 0);
  return bytes;
}

/** Sorts entries by key, ascending; entries with equal keys keep their order. */
export const inOrder = (entries: readonly TimelineEntry[]): TimelineEntry[] =>
  entries
    .map((entry, place) => ({ entry, place, key: keyOf(entry) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.place - b.place))
    .map(({ entry }) => entry);

/** Throws `InvalidArgument` for an entry that a timeline cannot hold. */
export function checkEntry(entry: TimelineEntry, maxBytes: number): void {
  if (entry.length === 0) throw invalid('an entry has at least one byte');
  if (entry.length > maxBytes) throw invalid(`an entry has at most ${maxBytes} bytes, not ${entry.length}`);
  if (keyOf(entry) < 0n) throw invalid(`keys of entries are from 0 to 2^63 − 1, not ${keyOf(entry)}`);
}

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);
