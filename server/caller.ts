import type { CallerAccess, Peer } from '../access/index.js';
import type { Cancellation, Tracing } from '../core/index.js';
import type { ServerLoad } from './serverLoad.js';

/** The client of one connection, as handlers see it. */
export interface Caller {
  readonly peer: Peer;
  /** Who calls, and what the connection may do. */
  readonly access: CallerAccess;
  /** Cancelled when the connection closes. */
  readonly closed: Cancellation;
  /**
   * Cancelled when the client will send no more. It may still read answers, but a process that has ended looks the
   * same; long waits end here.
   */
  readonly ended: Cancellation;
  readonly load: ServerLoad;
  /** The name of the service that is called. */
  readonly service: string;
  /** Absent: calls are not traced. */
  readonly tracing: Tracing | undefined;
  /**
   * How long, in milliseconds, the request that begins may have waited, unread and for its turn, as far as known.
   * Call it as the request begins.
   */
  waitedMs(): number;
}
