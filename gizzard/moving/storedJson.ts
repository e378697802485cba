import type { AttributeForms } from '../shardAttributes.js';
import { withoutTexts, withTexts } from '../topology/shardJson.js';

/** JSON that keeps 64-bit integers exact: a bigint is stored as `{"int64": "…"}`. */
export const toStoredJson = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'bigint' ? { int64: each.toString() } : withTexts(each),
  );

/** `forms` names the attributes of shards that earlier releases stored. */
export const fromStoredJson = <T>(text: string, forms?: AttributeForms): T =>
  JSON.parse(text, (_, each: unknown) => (isInt64(each) ? BigInt(each.int64) : withoutTexts(each, forms))) as T;

const isInt64 = (value: unknown): value is { readonly int64: string } =>
  typeof value === 'object' &&
  value !== null &&
  'int64' in value &&
  typeof value.int64 === 'string' &&
  Object.keys(value).length === 1;
