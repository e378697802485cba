import { RoostError } from '../../core/index.js';
import { byteSwap } from './byteSwap.js';
import { fnv1a64 } from './fnv1a64.js';
import { identity } from './identity.js';
import type { KeyHash } from './keyHash.js';

export { fnv1aOf } from './fnv1a64.js';
export type { KeyHash } from './keyHash.js';

export const keyHashes: readonly KeyHash[] = [identity, byteSwap, fnv1a64];

export function keyHash(name: string): KeyHash {
  const found = keyHashes.find((hash) => hash.name === name);
  if (found !== undefined) return found;
  throw new RoostError(
    'InvalidArgument',
    `there is no hash ${JSON.stringify(name)}; there are ${keyHashes.map((hash) => hash.name).join(', ')}`,
  );
}
