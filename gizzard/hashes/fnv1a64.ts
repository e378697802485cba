import type { KeyHash } from './keyHash.js';

const scratch = new DataView(new ArrayBuffer(8));

/**
 * FNV-1a over the key's eight bytes, lowest first, cut to 60 bits as Gizzard does. It works in halves of 32 bits,
 * because products of bigints cost ten times as much: the prime is 2^40 + 435.
 */
export const fnv1a64: KeyHash = {
  name: 'fnv1a64',
  maxHash: 2n ** 60n - 1n,
  hash(key) {
    scratch.setBigInt64(0, key, true);
    let low = 0x84222325;
    let high = 0xcbf29ce4;
    for (let i = 0; i < 8; i++) {
      low = (low ^ scratch.getUint8(i)) >>> 0;
      const product = low * 435;
      // Every term stays below 2^53, so that the sums are exact.
      high = (high * 435 + Math.floor(product / 0x100000000) + ((low << 8) >>> 0)) % 0x100000000;
      low = product >>> 0;
    }
    scratch.setUint32(0, high & 0x0fffffff);
    scratch.setUint32(4, low);
    return scratch.getBigInt64(0);
  },
};
