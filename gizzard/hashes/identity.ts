import type { KeyHash } from './keyHash.js';

/** The key itself: neighboring keys stay together, so that a range of time-ordered ids is a range of time. */
export const identity: KeyHash = { name: 'identity', maxHash: 2n ** 63n - 1n, hash: (key) => key };
