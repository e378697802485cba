/** As in `lua/pace.lua`: two numbers of 8 bytes, then 12 bytes for each pulled author. */
export const rateBytes = 16;
const pulledBytes = 12;

/** The pulled authors, from an offset on. */
export function pulledIn(pace: Buffer, from = rateBytes): bigint[] {
  const authors: bigint[] = [];
  for (let at = from; at + pulledBytes <= pace.length; at += pulledBytes) authors.push(pace.readBigInt64LE(at));
  return authors;
}

/** Merges two replicas' pace as `absorb` does: the first one's rate, and the authors of both. */
export function mergePaces(mine: Buffer, other: Buffer): Buffer {
  if (other.length < rateBytes) return mine;
  const kept = mine.length >= rateBytes ? mine : other.subarray(0, rateBytes);
  const there = new Set(pulledIn(kept));
  const added = pulledIn(other).filter((author) => !there.has(author));
  return Buffer.concat([
    kept,
    ...added.map((author) => {
      const bytes = Buffer.alloc(pulledBytes);
      bytes.writeBigInt64LE(author);
      return bytes;
    }),
  ]);
}

/** The ids and tokens in an answer of `deliver`. */
export const leftTo = (fills: readonly (Buffer | number)[]): { readonly id: bigint; readonly token: number }[] =>
  Array.from({ length: fills.length / 2 }, (_, i) => ({
    id: BigInt((fills[i * 2] as Buffer).toString()),
    token: fills[i * 2 + 1] as number,
  }));
