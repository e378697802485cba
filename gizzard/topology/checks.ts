import { RoostError } from '../../core/index.js';
import { maxAttributesChars, shardKey, type ShardInfo } from './types.js';

/** The error of an inconsistent topology. */
export const unsound = (message: string, fields: Record<string, string | number | bigint>): RoostError =>
  new RoostError('FailedPrecondition', message, { fields });

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);

// `what` is a function: a topology has hundreds of thousands of values, and few are ever named.

/**
 * The greatest weight of a host: it multiplies the weights of links, which are 32-bit integers, and a double must
 * still distinguish products and sums.
 */
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

/** Checks that names and values can be stored; the shard's type defines which are allowed. */
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
