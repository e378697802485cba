/** JSON that keeps 64-bit integers whole: a bigint is stored as `{"int64": "…"}`. */
export const toStoredJson = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? { int64: each.toString() } : each));

export const fromStoredJson = <T>(text: string): T =>
  JSON.parse(text, (_, each: unknown) => (isInt64(each) ? BigInt(each.int64) : each)) as T;

const isInt64 = (value: unknown): value is { readonly int64: string } =>
  typeof value === 'object' &&
  value !== null &&
  'int64' in value &&
  typeof value.int64 === 'string' &&
  Object.keys(value).length === 1;
