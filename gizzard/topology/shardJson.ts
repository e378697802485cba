import { plainAttributes, plainTexts, type AttributeForms } from '../shardAttributes.js';
import type { ShardInfo } from './types.js';

/** For `JSON.stringify`: adds the two texts to shards, which earlier releases read instead of attributes. */
export const withTexts = (value: unknown): unknown =>
  isShard(value) && isObject(value['attributes']) ? { ...value, ...plainTexts(value['attributes'] as never) } : value;

/** For `JSON.parse`: reads such JSON, and that of earlier releases, whose attributes `forms` names. */
export function withoutTexts(value: unknown, forms?: AttributeForms): unknown {
  if (!isShard(value) || typeof value['sourceType'] !== 'string' || typeof value['destinationType'] !== 'string')
    return value;
  const { sourceType, destinationType, ...shard } = value;
  const attributes = shard['attributes'] ?? plainAttributes({ sourceType, destinationType });
  const read = { ...shard, attributes } as unknown as ShardInfo;
  return forms === undefined ? read : forms.named(read);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isShard = (value: unknown): value is Record<string, unknown> & { sourceType: string; destinationType: string } =>
  isObject(value) && 'id' in value && 'type' in value && 'busy' in value;
