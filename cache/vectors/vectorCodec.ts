import { crc32 } from 'node:zlib';
import { packIds, unpackIds } from '../../core/index.js';
import type { Codec } from '../entries/codec.js';
import { isWithin, placeOf, precedes, truncate, type Vector, type VectorChange, type VectorEntry } from './vector.js';

/**
 * A vector: u8 flags · packed ids · packed positions (unless they equal the ids) · kinds, one byte each (unless all
 * are 0).
 * A prepended change: i64 id, or ~id for a removal · i64 position · u8 kind · u32 checksum. The newest comes first.
 */
const flags = { complete: 1, positions: 2, kinds: 4 } as const;
export const changeBytes = 21;

/** @param maxCount the most entries; older ones are cut off */
export const vectorCodec = (maxCount: number): Codec<Vector> => ({
  format: 2,
  encode(vector) {
    const { ids, positions, kinds, complete } = truncate(vector, maxCount);
    const own = positions === ids;
    return Buffer.concat([
      Buffer.of(
        (complete ? flags.complete : 0) | (own ? 0 : flags.positions) | (kinds === undefined ? 0 : flags.kinds),
      ),
      packIds(ids),
      ...(own ? [] : [packIds(positions)]),
      ...(kinds === undefined ? [] : [kinds]),
    ]);
  },
  decode(body, front) {
    const flag = body.readUInt8(0);
    const own = (flag & flags.positions) === 0;
    const withKinds = (flag & flags.kinds) !== 0;
    const count = (body.length - 1) / ((own ? 8 : 16) + (withKinds ? 1 : 0));
    const idsEnd = 1 + count * 8;
    const positionsEnd = idsEnd + (own ? 0 : count * 8);
    const ids = unpackIds(body.subarray(1, idsEnd));
    const base: Vector = {
      ids,
      positions: own ? ids : unpackIds(body.subarray(idsEnd, positionsEnd)),
      kinds: withKinds ? Uint8Array.from(body.subarray(positionsEnd)) : undefined,
      complete: (flag & flags.complete) !== 0,
    };
    const vector = front.length === 0 ? base : withChanges(base, front);
    // Removals have used up the kept entries: those past the end are needed again.
    return vector === undefined || vector.complete || vector.ids.length * 2 >= maxCount ? vector : undefined;
  },
});

/** The bytes to prepend for a change, in sequence: the last one counts for an id. */
export function encodeChange({ added = [], removed = [] }: VectorChange): Buffer {
  const front = Buffer.allocUnsafe((added.length + removed.length) * changeBytes);
  let at = 0;
  const put = (id: bigint, position: bigint, kind: number): void => {
    const start = at;
    at = front.writeBigInt64LE(id, at);
    at = front.writeBigInt64LE(position, at);
    at = front.writeUInt8(kind, at);
    at = front.writeUInt32LE(crc32(front.subarray(start, at)), at);
  };
  for (const id of removed) put(~id, 0n, 0);
  for (const { id, position, kind = 0 } of added) put(id, position, kind);
  return front;
}

interface Edit {
  /** In the vector before: the entry goes in front of this index, or is the one removed. */
  readonly place: number;
  readonly entry: VectorEntry | undefined;
}

/** Undefined if the prepended bytes are no changes. */
function withChanges(base: Vector, front: Buffer): Vector | undefined {
  if (front.length % changeBytes !== 0) return undefined;
  const decided = new Set<bigint>();
  const added: VectorEntry[] = [];
  const edits: Edit[] = [];
  for (let at = 0; at < front.length; at += changeBytes) {
    if (crc32(front.subarray(at, at + 17)) !== front.readUInt32LE(at + 17)) return undefined;
    const stored = front.readBigInt64LE(at);
    const id = stored < 0n ? ~stored : stored;
    if (decided.has(id)) continue;
    decided.add(id);
    const known = base.ids.indexOf(id);
    if (known >= 0) edits.push({ place: known, entry: undefined });
    const entry = { id, position: front.readBigInt64LE(at + 8), kind: front.readUInt8(at + 16) };
    // Past the end of a truncated vector there may be entries that would precede it.
    if (stored >= 0n && isWithin(base, entry)) added.push(entry);
  }
  added.sort((a, b) => (precedes(a, b.id, b.position) ? -1 : 1));
  for (const entry of added) edits.push({ place: placeOf(base, entry), entry });
  return edited(
    base,
    edits.sort((a, b) => a.place - b.place || Number(a.entry === undefined) - Number(b.entry === undefined)),
    added.length,
  );
}

/** Applies removals and insertions to a vector without looking at the other entries. */
function edited(base: Vector, edits: readonly Edit[], addedCount: number): Vector {
  const count = base.ids.length - (edits.length - addedCount) + addedCount;
  const apply = <A extends BigInt64Array | Uint8Array>(from: A, to: A, value: (entry: VectorEntry) => A[number]): A => {
    let [read, written] = [0, 0];
    const copyTo = (place: number): void => {
      // Both sides have the same one of the two array types.
      (to as Uint8Array).set(from.subarray(read, place) as Uint8Array, written);
      written += place - read;
      read = place;
    };
    for (const { place, entry } of edits) {
      copyTo(place);
      if (entry === undefined) read++;
      else to[written++] = value(entry);
    }
    copyTo(from.length);
    return to;
  };
  const ids = apply(base.ids, new BigInt64Array(count), ({ id }) => id);
  const own =
    base.positions === base.ids && edits.every(({ entry }) => entry === undefined || entry.id === entry.position);
  const withKinds = base.kinds !== undefined || edits.some(({ entry }) => (entry?.kind ?? 0) !== 0);
  return {
    ids,
    positions: own ? ids : apply(base.positions, new BigInt64Array(count), ({ position }) => position),
    kinds: withKinds
      ? apply(base.kinds ?? new Uint8Array(base.ids.length), new Uint8Array(count), ({ kind = 0 }) => kind)
      : undefined,
    complete: base.complete,
  };
}
