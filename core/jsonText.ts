/** JSON in which 64-bit integers, which do not fit a JSON number, are decimal strings, and columns are lists of them. */
export const jsonText = (value: unknown, indent?: number): string =>
  JSON.stringify(
    value,
    (_, each: unknown) =>
      typeof each === 'bigint' ? each.toString() : each instanceof BigInt64Array ? Array.from(each, String) : each,
    indent,
  );
