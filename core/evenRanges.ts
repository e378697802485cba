/**
 * The first values of `parts` ranges that together cover `first` up to, but without, `end`, with sizes as equal as
 * whole numbers allow.
 */
export const evenRanges = (first: bigint, end: bigint, parts: number): bigint[] =>
  Array.from({ length: parts }, (_, i) => first + ((end - first) * BigInt(i)) / BigInt(parts));
