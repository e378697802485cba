/**
 * An id in its cheapest exact form: a number if that is exact, else a bigint. Each id has one form, so that `===` and
 * sets work; `<` compares both exactly. Only ids that leave the query become bigints.
 */
export type CompactId = number | bigint;

export const compactId = (id: bigint): CompactId => (id <= Number.MAX_SAFE_INTEGER ? Number(id) : id);

/** An id from the driver: a number if it is safe, else text. */
export const compactIdOfColumn = (value: unknown): CompactId =>
  typeof value === 'number' ? value : BigInt(value as string);

/** The next or previous id. */
export const neighbor = (id: CompactId, step: 1n | -1n): CompactId => compactId(BigInt(id) + step);

/** An inexact number, for estimates only. */
export const distance = (a: CompactId, b: CompactId): number => Math.abs(Number(a) - Number(b));

/** Converts to 64-bit integers; `BigInt64Array.from` takes 17 times as long. */
export function int64sOf(ids: readonly CompactId[]): BigInt64Array {
  const all = new BigInt64Array(ids.length);
  for (let i = 0; i < ids.length; i++) all[i] = BigInt(ids[i]!);
  return all;
}
