import type { CallerAccess, Peer } from '../access/index.js';
import type { Cancellation } from '../core/index.js';
import type { ServerLoad } from './serverLoad.js';

/** The client of one connection, as its handlers see it. */
export interface Caller {
  readonly peer: Peer;
  /** Who calls, and what the connection may do. */
  readonly access: CallerAccess;
  /** Cancelled when the connection is closed. */
  readonly closed: Cancellation;
  /** Cancelled when the client will send no more. It may still take answers, but a process that has ended looks the same; waits that may be long end here. */
  readonly ended: Cancellation;
  readonly load: ServerLoad;
  /** How long the request that begins may have waited, in milliseconds, unread and for its turn: as far as that is known. To be asked as it begins. */
  waitedMs(): number;
}
