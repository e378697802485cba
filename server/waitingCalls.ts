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
  /** The turn of the event loop in which it came. */
  readonly turn: number;
}

/** Calls in the order in which they came, to be taken from both ends. */
export class WaitingCalls {
  readonly #calls: Waiting[] = [];
  /** Where the oldest stands: those before it are gone. */
  #first = 0;

  get size(): number {
    return this.#calls.length - this.#first;
  }

  /** There must be one, as for all that follows. */
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

  /** Lets go of those that were taken, now and then. */
  #tidy(): void {
    if (this.size === 0 || (this.#first > 1_024 && this.#first * 2 > this.#calls.length)) {
      this.#calls.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
