import { crc32 } from 'node:zlib';
import { packIds, unpackIds } from '../../core/index.js';
import type { Codec } from '../entries/codec.js';
import { truncate, vectorOf, type Vector, type VectorChange, type VectorEntry } from './vector.js';

/*
 * A vector: u8 flags · ids, packed · positions, packed (where they are not the ids).
 * A change that was prepended: i64 id, of which ~id says that it was removed · i64 position · u32 checksum. The newest comes first.
 */
const flags = { complete: 1, positions: 2 } as const;
export const changeBytes = 20;

/** @param maxCount how many entries are kept; the older ones are cut off */
export const vectorCodec = (maxCount: number): Codec<Vector> => ({
  format: 1,
  encode(vector) {
    const { ids, positions, complete } = truncate(vector, maxCount);
    const own = positions === ids;
    return Buffer.concat([Buffer.of((complete ? flags.complete : 0) | (own ? 0 : flags.positions)), packIds(ids), ...(own ? [] : [packIds(positions)])]);
  },
  decode(body, front) {
    const flag = body.readUInt8(0);
    const packed = body.subarray(1);
    const own = (flag & flags.positions) === 0;
    const ids = unpackIds(own ? packed : packed.subarray(0, packed.length / 2));
    const base: Vector = { ids, positions: own ? ids : unpackIds(packed.subarray(packed.length / 2)), complete: (flag & flags.complete) !== 0 };
    return front.length === 0 ? base : withChanges(base, front);
  },
});

/** What is prepended for a change: behind one another, as the last one counts for an id. */
export function encodeChange({ added = [], removed = [] }: VectorChange): Buffer {
  const front = Buffer.allocUnsafe((added.length + removed.length) * changeBytes);
  let at = 0;
  const put = (id: bigint, position: bigint): void => {
    const start = at;
    at = front.writeBigInt64LE(id, at);
    at = front.writeBigInt64LE(position, at);
    at = front.writeUInt32LE(crc32(front.subarray(start, at)), at);
  };
  for (const id of removed) put(~id, 0n);
  for (const { id, position } of added) put(id, position);
  return front;
}

/** Undefined where what was prepended is not made of changes. */
function withChanges(base: Vector, front: Buffer): Vector | undefined {
  if (front.length % changeBytes !== 0) return undefined;
  // Behind the last entry of a vector that is cut off there may be others, between which a new one would have its place.
  const last = base.complete ? undefined : base.positions.length - 1;
  const fits = (id: bigint, position: bigint): boolean =>
    last === undefined || last < 0 || position > base.positions[last]! || (position === base.positions[last] && id >= base.ids[last]!);
  const entries: VectorEntry[] = [];
  const decided = new Set<bigint>();
  for (let at = 0; at < front.length; at += changeBytes) {
    if (crc32(front.subarray(at, at + 16)) !== front.readUInt32LE(at + 16)) return undefined;
    const stored = front.readBigInt64LE(at);
    const id = stored < 0n ? ~stored : stored;
    if (decided.has(id)) continue;
    decided.add(id);
    const position = front.readBigInt64LE(at + 8);
    if (stored >= 0n && fits(id, position)) entries.push({ id, position });
  }
  for (let place = 0; place < base.ids.length; place++) {
    const id = base.ids[place]!;
    if (!decided.has(id)) entries.push({ id, position: base.positions[place]! });
  }
  return vectorOf(entries, base.complete);
}
