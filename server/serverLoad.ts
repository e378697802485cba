import { limits, RoostError } from '../core/index.js';
import type { Rank } from './callHead.js';
import type { CallKind } from './callKind.js';

export interface ThriftServerLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly connectionInFlight: number;
  readonly slots: Readonly<Record<CallKind, number>>;
  readonly idleMs: number;
  readonly incompleteMs: number;
  /** With access control, a client that has not identified itself by then is disconnected. */
  readonly unknownMs: number;
  readonly heldBytes: number;
  readonly requestBytes: number;
}

/** Configurable limits of a server; the rest have defaults. */
export type ServerLimitOptions = Partial<Omit<ThriftServerLimits, 'slots'>> & {
  readonly slots?: Partial<ThriftServerLimits['slots']>;
};

export const defaultServerLimits: ThriftServerLimits = {
  connections: 4_096,
  connectionsPerAddress: 2_048,
  connectionInFlight: limits.connectionInFlight,
  slots: limits.slots,
  idleMs: limits.connectionIdleMs,
  incompleteMs: limits.incompleteMs,
  unknownMs: limits.unknownCallerMs,
  heldBytes: limits.serverRequestBytes,
  requestBytes: limits.messageBytes,
};

const retryAfterMs = 50;
/** The share of the write slots that each rank may take. */
const writeShares: Readonly<Record<Rank, number>> = { low: 0.25, medium: 0.5, high: 1 };
const kinds: Readonly<Record<CallKind, string>> = {
  read: 'reads',
  background: 'background reads',
  write: 'writes',
  materialized: 'writes that wait until they are applied',
  control: 'calls',
};

/** Memory and slots of a server, over all connections. */
export class ServerLoad {
  /** Bytes of incomplete and unanswered requests, and of unread answers. */
  heldBytes = 0;
  /**
   * Whether requests have been waiting without a break for a while. Kinds of calls that can wait are then refused.
   */
  standing: () => boolean = () => false;
  /** Called for each slot that becomes free. */
  onLeft: () => void = () => undefined;
  readonly #inWork: Record<CallKind, number> = { read: 0, background: 0, write: 0, materialized: 0, control: 0 };

  // Shared: making an error costs as much as answering a call.
  #connectionFull: RoostError | undefined;
  #bytesFull: RoostError | undefined;
  readonly #full: Partial<Record<CallKind, RoostError>> = {};

  constructor(readonly limits: ThriftServerLimits) {}

  get inWork(): number {
    return Object.values(this.#inWork).reduce((sum, count) => sum + count, 0);
  }

  /**
   * Whether a call would get a slot. Writes of low and medium priority leave some free, so that those of high
   * priority get one when all come at once.
   */
  hasRoom(kind: CallKind, rank: Rank = 'high'): boolean {
    const share = kind === 'write' ? writeShares[rank] : 1;
    return this.#inWork[kind] < this.limits.slots[kind] * share;
  }

  /** The error of a call without a slot, shared by its kind. */
  full(kind: CallKind): RoostError {
    return (this.#full[kind] ??= overloaded(
      `the server has ${this.limits.slots[kind]} ${kinds[kind]} in work, which is its limit`,
    ));
  }

  /** The errors of requests without room, whatever their kind. */
  get connectionFull(): RoostError {
    const { connectionInFlight } = this.limits;
    return (this.#connectionFull ??= overloaded(
      `this connection has ${connectionInFlight} requests in flight, which is its limit`,
    ));
  }

  get bytesFull(): RoostError {
    return (this.#bytesFull ??= overloaded(`the server holds its limit of ${this.limits.heldBytes} bytes of requests`));
  }

  /** Takes a slot, which `leave` returns, or says why there is none. `low`: refused first. */
  enter(kind: CallKind, low: boolean): RoostError | undefined {
    if ((low || kind === 'background') && this.standing()) return overloaded('requests are waiting, and this one can');
    if (!this.hasRoom(kind)) return this.full(kind);
    this.#inWork[kind]++;
    return undefined;
  }

  leave(kind: CallKind): void {
    this.#inWork[kind]--;
    this.onLeft();
  }
}

export const overloaded = (why: string): RoostError =>
  new RoostError('Overloaded', `${why}; try again later`, { retryAfterMs, fields: { load: 'requests' } });
