import type { Micros } from './clock.js';

export const writeIdentityBytes = 16;

/**
 * What makes a write the same, however often it is sent and through whichever servers: the journal accepts it once, and not after its last moment. A client makes one for each
 * call, and sends it with each attempt at that call.
 */
export interface WriteIdentity {
  /** `writeIdentityBytes` random bytes. */
  readonly id: Buffer;
  /** The last moment at which it may be accepted, by the journal's clock: at most `limits.maxDeadlineMs` from now. */
  readonly notAfter: Micros;
}
