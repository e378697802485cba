import { limits, RoostError } from '../core/index.js';

/** Gizzard's keys are 0 … 2^63 − 1; those of names have the range of the original's hash. */
export const routingKeys = 2n ** 60n;

const scratch = new DataView(new ArrayBuffer(8));

/**
 * A timeline's routing key: FNV-1a over the UTF-8 of its name, cut to 60 bits, as in Haplocheirus. It works in halves
 * of 32 bits, because products of bigints cost ten times as much: the prime is 2^40 + 435.
 */
export function routingKeyOf(name: string): bigint {
  let low = 0x84222325;
  let high = 0xcbf29ce4;
  const bytes = Buffer.from(name);
  for (let i = 0; i < bytes.length; i++) {
    low = (low ^ bytes[i]!) >>> 0;
    const product = low * 435;
    // Every term stays below 2^53, so that the sums are exact.
    high = (high * 435 + Math.floor(product / 0x100000000) + ((low << 8) >>> 0)) % 0x100000000;
    low = product >>> 0;
  }
  scratch.setUint32(0, high & 0x0fffffff);
  scratch.setUint32(4, low);
  return scratch.getBigInt64(0);
}

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
