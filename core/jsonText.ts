/** A value's form in JSON: 64-bit integers, which do not fit a JSON number, are decimal strings, columns lists of them. */
export const jsonForm = (value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value instanceof BigInt64Array ? Array.from(value, String) : value;

/** JSON with each value in its `jsonForm`. */
export const jsonText = (value: unknown, indent?: number): string =>
  JSON.stringify(value, (_, each: unknown) => jsonForm(each), indent);
