import { RoostError } from '../../core/index.js';
import { maxAttributesChars, shardKey, type ShardInfo } from './types.js';

/** A topology that contradicts itself. */
export const unsound = (message: string, fields: Record<string, string | number | bigint>): RoostError =>
  new RoostError('FailedPrecondition', message, { fields });

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);

// `what` is a function, since a topology has hundreds of thousands of values and few of them are ever named.

/** What a host's weight may be set to: it multiplies those of links, which are integers of 32 bits, and products and sums must still be told apart by a double. */
export const maxHostWeight = 1_000_000;

export function checkWeight(weight: number, what: () => string, max = Infinity): void {
  if (!Number.isFinite(weight) || weight < 0 || weight > max)
    throw invalid(
      `${what()} must be a number ${max === Infinity ? 'of 0 or more' : `from 0 to ${max}`}, not ${weight}`,
    );
}

export function checkInt32(value: number, min: number, what: () => string): void {
  if (!Number.isInteger(value) || value < min || value > 2 ** 31 - 1)
    throw invalid(`${what()} must be an integer from ${min} to ${2 ** 31 - 1}, not ${value}`);
}

export function checkText(text: string, min: number, max: number, what: () => string): void {
  if (text.length < min || text.length > max)
    throw invalid(`${what()} must have from ${min} to ${max} characters, not ${JSON.stringify(text)}`);
}

export const attributeName = /^[A-Za-z][A-Za-z0-9]{0,31}$/;

/** Whether names and values can be stored; what they may be is said by the shard's type. */
export function checkAttributeTexts({ id, attributes }: ShardInfo): void {
  const names = Object.keys(attributes);
  if (names.length === 0) return;
  const name = names.find((each) => !attributeName.test(each));
  if (name !== undefined)
    throw invalid(`${JSON.stringify(name)} is no name of an attribute: shard ${shardKey(id)} has it`);
  const { length } = JSON.stringify(attributes);
  if (length > maxAttributesChars)
    throw invalid(`the attributes of shard ${shardKey(id)} take ${length} characters, more than ${maxAttributesChars}`);
}
