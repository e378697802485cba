import type { RoostError } from '../core/index.js';
import type { CallHead } from './callHead.js';

/** A request that waits for its turn. */
export interface QueuedCall {
  readonly head: CallHead;
  /** When it was read from its socket. */
  readonly readMs: number;
  /** Whether nobody waits for its answer any more. */
  gone(): boolean;
  start(): void;
  refuse(error: RoostError): void;
}

interface Waiting {
  readonly call: QueuedCall;
  /** The turn of the event loop in which it arrived. */
  readonly turn: number;
}

/** Calls in order of arrival, taken from both ends. */
export class WaitingCalls {
  readonly #calls: Waiting[] = [];
  /** The index of the oldest; earlier ones have been taken. */
  #first = 0;

  get size(): number {
    return this.#calls.length - this.#first;
  }

  /** Requires at least one call, like all methods below. */
  get oldest(): Waiting {
    return this.#calls[this.#first]!;
  }

  get newest(): Waiting {
    return this.#calls.at(-1)!;
  }

  push(call: QueuedCall, turn: number): void {
    this.#calls.push({ call, turn });
  }

  takeNewest(): QueuedCall {
    const { call } = this.#calls.pop()!;
    this.#tidy();
    return call;
  }

  takeOldest(): QueuedCall {
    const { call } = this.oldest;
    this.#first++;
    this.#tidy();
    return call;
  }

  /** Releases taken calls from time to time. */
  #tidy(): void {
    if (this.size === 0 || (this.#first > 1_024 && this.#first * 2 > this.#calls.length)) {
      this.#calls.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
