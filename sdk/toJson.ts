/** 64-bit integers as decimal text, columns as lists of it. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'bigint' ? each.toString() : each instanceof BigInt64Array ? Array.from(each, String) : each,
  );
