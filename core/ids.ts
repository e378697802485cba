import { RoostError } from './errors.js';

/** Ids are unsigned and fit a signed 64-bit integer: 0 … 2^63 − 1. */
export const maxId = 2n ** 63n - 1n;
/** Whether a stored number can be an id. Where it cannot, a bit has flipped: nobody can have written it. */
export const isId = (value: bigint): boolean => value >= 0n && value <= maxId;
/** Positions are signed 64-bit integers. */
export const minInt64 = -(2n ** 63n);
export const maxInt64 = 2n ** 63n - 1n;

/** An id as callers give it. A number must be a safe integer; larger ids are bigint or decimal string. */
export type IdInput = bigint | number | string;

const integerPattern = /^-?\d{1,20}$/;

function parseInteger(input: IdInput, what: string, min: bigint, max: bigint): bigint {
  let value: bigint | undefined;
  if (typeof input === 'bigint') value = input;
  else if (typeof input === 'number') {
    if (Number.isSafeInteger(input)) value = BigInt(input);
  } else if (typeof input === 'string' && integerPattern.test(input)) value = BigInt(input);
  if (value !== undefined && value >= min && value <= max) return value;
  throw new RoostError('InvalidArgument', `${what} must be an integer from ${min} to ${max}, not ${describe(input)}`, {
    fields: { argument: what },
  });
}

const describe = (input: unknown): string => {
  if (typeof input === 'string') return JSON.stringify(input.slice(0, 40));
  if (typeof input === 'number' && Number.isInteger(input) && !Number.isSafeInteger(input))
    return `the number ${input}, which a JavaScript number cannot hold exactly (pass a bigint or a decimal string)`;
  return typeof input === 'bigint' || typeof input === 'number' ? String(input) : typeof input;
};

/** Checks an id and returns it as a bigint. Throws `InvalidArgument` naming `what`. */
export const parseId = (input: IdInput, what = 'id'): bigint => parseInteger(input, what, 0n, maxId);

/** Checks a signed 64-bit integer, such as a position. Throws `InvalidArgument` naming `what`. */
export const parseInt64 = (input: IdInput, what: string): bigint => parseInteger(input, what, minInt64, maxInt64);

/** Checks a small integer. Throws `InvalidArgument` naming `what` and the range. */
export function parseCount(input: number, what: string, min: number, max: number): number {
  if (Number.isInteger(input) && input >= min && input <= max) return input;
  throw new RoostError('InvalidArgument', `${what} must be an integer from ${min} to ${max}, not ${String(input)}`, {
    fields: { argument: what },
  });
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Packs ids as little-endian signed 64-bit integers, the form of every `ids` field on the wire. */
export function packIds(ids: readonly bigint[] | BigInt64Array): Buffer {
  const view = ids instanceof BigInt64Array ? ids : BigInt64Array.from(ids);
  const packed = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  return littleEndian ? packed : Buffer.from(packed).swap64();
}

/** Reverses `packIds`, into a copy. Throws `InvalidArgument` if the length is not a multiple of 8. */
export function unpackIds(packed: Uint8Array): BigInt64Array {
  if (packed.byteLength % 8 !== 0) {
    throw new RoostError('InvalidArgument', `packed ids must be a multiple of 8 bytes, not ${packed.byteLength}`);
  }
  const copy = new Uint8Array(packed.byteLength);
  copy.set(packed);
  if (!littleEndian) Buffer.from(copy.buffer).swap64();
  return new BigInt64Array(copy.buffer);
}
