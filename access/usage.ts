import { RoostError } from '../core/index.js';
import type { IdentitySettings } from './accessFile.js';

export type RefusalReason = 'unauthenticated' | 'permission' | 'rate' | 'connections';

const [leastRetryMs, mostRetryMs] = [10, 1_000];

/**
 * One identity's use of a server: its connections, and its calls as a bucket that fills at `callsPerSecond` up to
 * `burst`. With several processes, each grants the share of these that it has of the identity's connections.
 */
export class Usage {
  connections = 0;
  /** Recent number of connections in other processes of the server. */
  elsewhere = 0;
  readonly refused: Record<RefusalReason, number> = { unauthenticated: 0, permission: 0, rate: 0, connections: 0 };
  #limits: Pick<IdentitySettings, 'callsPerSecond' | 'burst' | 'connections'> = {};
  #calls = Infinity;
  #countedMs = 0;
  // Shared: making an error costs as much as answering a call.
  #tooMany: RoostError | undefined;
  #tooManyConnections: RoostError | undefined;

  constructor(readonly name: string) {}

  limit(limits: Pick<IdentitySettings, 'callsPerSecond' | 'burst' | 'connections'>): void {
    this.#limits = limits;
    this.#calls = Math.min(this.#calls, this.#burst);
    this.#tooMany = undefined;
    this.#tooManyConnections = undefined;
  }

  get #burst(): number {
    const { callsPerSecond, burst } = this.#limits;
    if (callsPerSecond === undefined) return Infinity;
    return Math.max(1, (burst ?? callsPerSecond) * this.#share);
  }

  get #share(): number {
    return this.elsewhere === 0 ? 1 : Math.max(1, this.connections) / (Math.max(1, this.connections) + this.elsewhere);
  }

  /** Counts a call, or returns why it is one too many. */
  call(nowMs = performance.now()): RoostError | undefined {
    const { callsPerSecond } = this.#limits;
    if (callsPerSecond === undefined) return undefined;
    this.#calls = Math.min(
      this.#burst,
      this.#calls + ((nowMs - this.#countedMs) / 1_000) * callsPerSecond * this.#share,
    );
    this.#countedMs = nowMs;
    if (this.#calls >= 1) {
      this.#calls--;
      return undefined;
    }
    this.refused.rate++;
    return (this.#tooMany ??= overloaded(
      `${this.name} makes more than its ${callsPerSecond} calls a second`,
      Math.min(mostRetryMs, Math.max(leastRetryMs, Math.ceil(1_000 / callsPerSecond))),
    ));
  }

  /** Counts a connection, or returns why it is one too many. */
  connect(): RoostError | undefined {
    const { connections } = this.#limits;
    if (connections === undefined || this.connections + this.elsewhere < connections) {
      this.connections++;
      return undefined;
    }
    this.refused.connections++;
    return (this.#tooManyConnections ??= overloaded(
      `${this.name} has ${connections} connections, which is its limit`,
      mostRetryMs,
    ));
  }
}

const overloaded = (why: string, retryAfterMs: number): RoostError =>
  new RoostError('Overloaded', `${why}; try again later`, { retryAfterMs, fields: { load: 'identity' } });
