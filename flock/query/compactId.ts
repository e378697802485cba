/**
 * An id in its cheapest exact form: a number where one holds it, a bigint otherwise. An id has only one form, so that `===` and sets work, and `<` compares
 * both exactly. Walking a list makes a bigint of each id only where it leaves the query.
 */
export type CompactId = number | bigint;

export const compactId = (id: bigint): CompactId => (id <= Number.MAX_SAFE_INTEGER ? Number(id) : id);

/** An id as the driver gives it: a number where it is safe, text where it is not. */
export const compactIdOfColumn = (value: unknown): CompactId =>
  typeof value === 'number' ? value : BigInt(value as string);

/** The id after, or before, in the order of ids. */
export const neighbor = (id: CompactId, step: 1n | -1n): CompactId => compactId(BigInt(id) + step);

/** As a number: for estimates only. */
export const distance = (a: CompactId, b: CompactId): number => Math.abs(Number(a) - Number(b));

/** As 64-bit integers. `BigInt64Array.from` takes 17 times as long. */
export function int64sOf(ids: readonly CompactId[]): BigInt64Array {
  const all = new BigInt64Array(ids.length);
  for (let i = 0; i < ids.length; i++) all[i] = BigInt(ids[i]!);
  return all;
}
