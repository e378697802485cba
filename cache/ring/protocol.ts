/** Commands on one key. The numbers are opcodes of memcached's binary protocol. */
export const opcodes = {
  get: 0x00,
  set: 0x01,
  add: 0x02,
  delete: 0x04,
  noop: 0x0a,
  flush: 0x08,
  quietGet: 0x09,
  prepend: 0x0f,
  stat: 0x10,
  touch: 0x1c,
} as const;

/** Answers that callers distinguish. */
export const statuses = { ok: 0, notFound: 1, exists: 2, tooLarge: 3, notStored: 5 } as const;

export interface CacheOperation {
  readonly opcode: number;
  /** ASCII, at most 250 bytes. */
  readonly key: string;
  readonly value?: Buffer;
  /** Executes the command only if the entry still has this number. */
  readonly cas?: Buffer;
  /**
   * Lifetime of the stored or touched entry. Absent: for ever. At most 30 days; memcached reads larger numbers as
   * dates.
   */
  readonly ttlSeconds?: number;
}

const headerBytes = 24;
const requestMagic = 0x80;
export const responseMagic = 0x81;
const maxTtlSeconds = 30 * 86_400;

/** Set and add carry flags and a lifetime; touch carries a lifetime. */
const extrasBytes = (opcode: number): number =>
  opcode === opcodes.set || opcode === opcodes.add ? 8 : opcode === opcodes.touch ? 4 : 0;

/** Encodes commands in sequence; the answer to the i-th carries `firstOpaque + i`. */
export function encodeOperations(operations: readonly CacheOperation[], firstOpaque: number): Buffer {
  let bytes = 0;
  for (const { opcode, key, value } of operations)
    bytes += headerBytes + extrasBytes(opcode) + key.length + (value?.length ?? 0);
  const request = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const [place, { opcode, key, value, cas, ttlSeconds = 0 }] of operations.entries()) {
    const extras = extrasBytes(opcode);
    at = writeHeader(request, at, opcode, key.length, extras, value?.length ?? 0, (firstOpaque + place) >>> 0);
    if (cas === undefined) request.fill(0, at - 8, at);
    else cas.copy(request, at - 8);
    if (extras === 8) at = request.writeUInt32BE(0, at);
    if (extras > 0) at = request.writeUInt32BE(Math.min(Math.ceil(ttlSeconds), maxTtlSeconds), at);
    at += request.write(key, at, 'latin1');
    if (value !== undefined) at += value.copy(request, at);
  }
  return request;
}

/** Encodes quiet gets, which do not answer for missing keys, and a noop whose answer ends them. */
export function encodeGets(keys: readonly string[], firstOpaque: number): Buffer {
  let bytes = headerBytes;
  for (const key of keys) bytes += headerBytes + key.length;
  const request = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (let place = 0; place < keys.length; place++) {
    const key = keys[place]!;
    at = writeHeader(request, at, opcodes.quietGet, key.length, 0, 0, (firstOpaque + place) >>> 0);
    request.fill(0, at - 8, at);
    at += request.write(key, at, 'latin1');
  }
  at = writeHeader(request, at, opcodes.noop, 0, 0, 0, (firstOpaque + keys.length) >>> 0);
  request.fill(0, at - 8, at);
  return request;
}

function writeHeader(
  request: Buffer,
  start: number,
  opcode: number,
  keyBytes: number,
  extras: number,
  valueBytes: number,
  opaque: number,
): number {
  let at = request.writeUInt8(requestMagic, start);
  at = request.writeUInt8(opcode, at);
  at = request.writeUInt16BE(keyBytes, at);
  at = request.writeUInt32BE(extras << 24, at);
  at = request.writeUInt32BE(extras + keyBytes + valueBytes, at);
  return request.writeUInt32BE(opaque, at) + 8;
}
