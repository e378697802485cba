import type { KeyHash } from './keyHash.js';

/**
 * Gizzard's ByteSwapper: the lowest 16 bits move to the top of 60, so that consecutive ids spread over 65,536 buckets;
 * the topmost four bits stay.
 */
export const byteSwap: KeyHash = {
  name: 'byteSwap',
  maxHash: 2n ** 63n - 1n,
  hash: (key) =>
    ((key << 44n) & 0x0ffff00000000000n) | ((key >> 16n) & 0x00000fffffffffffn) | (key & 0x7000000000000000n),
};
