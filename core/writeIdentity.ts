import type { Micros } from './clock.js';

export const writeIdentityBytes = 16;

/**
 * Identifies a write over all its attempts and servers: the journal accepts it once, and not after its last moment. A
 * client makes one per call, and sends it with each attempt.
 */
export interface WriteIdentity {
  /** `writeIdentityBytes` random bytes. */
  readonly id: Buffer;
  /** The last moment of acceptance, by the journal's clock: at most `limits.maxDeadlineMs` ahead. */
  readonly notAfter: Micros;
}
