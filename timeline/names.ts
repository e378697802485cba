import { limits, RoostError } from '../core/index.js';
import { fnv1aOf } from '../gizzard/index.js';

/** Gizzard's keys are 0 … 2^63 − 1; those of names have the range of the original's hash. */
export const routingKeys = 2n ** 60n;

/** A timeline's routing key: FNV-1a over the UTF-8 of its name, cut to 60 bits, as in Haplocheirus. */
export const routingKeyOf = (name: string): bigint => fnv1aOf(Buffer.from(name));

/** The longest name with a prefix and an id. */
export const longestName = (prefix: string): string => `${prefix}${2n ** 63n - 1n}`;

/** Throws `InvalidArgument` for a malformed name. */
export function checkName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0) throw new RoostError('InvalidArgument', 'the name of a timeline is empty');
  if (bytes > limits.timelineNameBytes)
    throw new RoostError(
      'InvalidArgument',
      `the name of a timeline has at most ${limits.timelineNameBytes} bytes, not ${bytes}`,
    );
}
