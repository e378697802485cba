import { limits, RoostError } from '../core/index.js';

const offset = 0xcbf29ce484222325n;
const prime = 0x100000001b3n;
const bits64 = 2n ** 64n - 1n;
/** Keys of Gizzard are from 0 to 2^63 − 1; those of names leave the same room as the hash of the original. */
export const routingKeys = 2n ** 60n;

/** The key by which a timeline is routed: FNV-1a over the UTF-8 of its name, cut to 60 bits, as Haplocheirus does. */
export function routingKeyOf(name: string): bigint {
  let hash = offset;
  for (const byte of Buffer.from(name)) hash = ((hash ^ BigInt(byte)) * prime) & bits64;
  return hash & (routingKeys - 1n);
}

/** The longest name that a prefix and an id make. */
export const longestName = (prefix: string): string => `${prefix}${2n ** 63n - 1n}`;

/** Throws `InvalidArgument` for what no timeline is called. */
export function checkName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0) throw new RoostError('InvalidArgument', 'the name of a timeline is empty');
  if (bytes > limits.timelineNameBytes)
    throw new RoostError(
      'InvalidArgument',
      `the name of a timeline has at most ${limits.timelineNameBytes} bytes, not ${bytes}`,
    );
}
