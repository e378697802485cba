/** Where each of `parts` ranges begins, which together cover `first` up to, and without, `end`, and are of a size as far as whole numbers allow. */
export const evenRanges = (first: bigint, end: bigint, parts: number): bigint[] =>
  Array.from({ length: parts }, (_, i) => first + ((end - first) * BigInt(i)) / BigInt(parts));
