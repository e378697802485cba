import { jsonForm, RoostError } from '../../core/index.js';
import type { Change } from './changes.js';
import { withoutTexts, withTexts } from './shardJson.js';

/** Changes as JSON, for the audit. Base ids, which have 64 bits, are decimal strings. */
export const changesToJson = (changes: readonly Change[]): string =>
  JSON.stringify(changes, (_, value: unknown) => withTexts(jsonForm(value)));

/** Only for the output of `changesToJson`: it checks nothing but that the text is JSON. */
export function changesFromJson(json: string): readonly Change[] {
  try {
    return JSON.parse(json, (name, value: unknown) =>
      name === 'baseId' ? BigInt(value as string) : withoutTexts(value),
    ) as readonly Change[];
  } catch (cause) {
    throw new RoostError('DataLoss', 'changes in the name server cannot be read', { cause });
  }
}
