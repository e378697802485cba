import { crc32 } from 'node:zlib';

/**
 * A value in memcached: prepended bytes · body · trailer. The trailer, little-endian, is
 * f64 stamp in milliseconds · u32 body bytes · u8 kind · u8 codec's format · u16 magic · u32 checksum.
 * It stands at the end, so that memcached's prepend keeps the value readable. The checksum covers the name of the
 * entry and everything from the body on: a value under a wrong name counts as garbage too.
 */
const trailerBytes = 20;
/** Changes with the layout of the trailer. */
const magic = 0x5202;

export const entryKinds = { value: 1, absent: 2, lease: 3, tooLarge: 4 } as const;

export interface CacheEntry {
  readonly kind: number;
  /** Time of the load or lease, by the clock of the process that did it. */
  readonly stampMs: number;
  readonly body: Buffer;
  /** Bytes prepended since, in the codec's format. */
  readonly front: Buffer;
}

const none = Buffer.alloc(0);

export function encodeEntry(name: string, kind: number, format: number, body: Buffer = none): Buffer {
  const value = Buffer.allocUnsafe(body.length + trailerBytes);
  let at = body.copy(value, 0);
  at = value.writeDoubleLE(Date.now(), at);
  at = value.writeUInt32LE(body.length, at);
  at = value.writeUInt8(kind, at);
  at = value.writeUInt8(format, at);
  at = value.writeUInt16LE(magic, at);
  value.writeUInt32LE(crc32(name, crc32(value.subarray(0, at))), at);
  return value;
}

/** Undefined for bytes that are no entry of this name and format. The parts share the value's memory. */
export function decodeEntry(name: string, format: number, value: Buffer): CacheEntry | undefined {
  const end = value.length - trailerBytes;
  if (end < 0 || value.readUInt16LE(end + 14) !== magic || value.readUInt8(end + 13) !== format) return undefined;
  const front = end - value.readUInt32LE(end + 8);
  if (front < 0 || crc32(name, crc32(value.subarray(front, end + 16))) !== value.readUInt32LE(end + 16))
    return undefined;
  return {
    kind: value.readUInt8(end + 12),
    stampMs: value.readDoubleLE(end),
    body: value.subarray(front, end),
    front: front === 0 ? none : value.subarray(0, front),
  };
}

/** Decodes an entry of any format. */
export function decodeAny(
  name: string,
  value: Buffer,
): { readonly entry: CacheEntry; readonly format: number } | undefined {
  if (value.length < trailerBytes) return undefined;
  const format = value.readUInt8(value.length - trailerBytes + 13);
  const entry = decodeEntry(name, format, value);
  return entry && { entry, format };
}

/** The bytes of an entry under another name; undefined if they are no entry under their own. */
export function renameEntry(from: string, to: string, value: Buffer): Buffer | undefined {
  const found = decodeAny(from, value);
  if (found === undefined) return undefined;
  const renamed = Buffer.from(value);
  renamed.writeUInt32LE(crc32(to, crc32(renamed.subarray(found.entry.front.length, -4))), renamed.length - 4);
  return renamed;
}
