import { limits, RoostError } from '../../core/index.js';

export interface ThriftServerLimits {
  readonly connections: number;
  readonly inFlight: number;
  readonly connectionInFlight: number;
  readonly idleMs: number;
  readonly heldBytes: number;
}

export const defaultServerLimits: ThriftServerLimits = {
  connections: limits.serverConnections,
  inFlight: limits.serverInFlight,
  connectionInFlight: limits.connectionInFlight,
  idleMs: limits.connectionIdleMs,
  heldBytes: limits.serverRequestBytes,
};

const retryAfterMs = 50;

/** What all connections of a server hold together. */
export class ServerLoad {
  /** Requests being answered, the one that asks included. */
  inFlight = 0;
  /** Bytes of incomplete and unanswered requests, and of answers that clients have not taken yet. */
  heldBytes = 0;

  constructor(readonly limits: ThriftServerLimits) {}

  refusal(connectionInFlight: number): RoostError | undefined {
    const { inFlight, connectionInFlight: perConnection } = this.limits;
    if (connectionInFlight > perConnection) return overloaded(`this connection has ${perConnection} requests in flight`);
    if (this.inFlight > inFlight) return overloaded(`the server has ${inFlight} requests in flight`);
    return undefined;
  }
}

const overloaded = (why: string): RoostError => new RoostError('Overloaded', `${why}, which is its limit; try again later`, { retryAfterMs });
