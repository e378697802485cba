import { limits, type RoostError } from '../core/index.js';
import { overloaded } from './serverLoad.js';

/** One for all: making an error costs as much as answering a call. */
const tooMany = overloaded('the server has more requests than it can answer in time');

/** A request that waits for its turn. */
export interface QueuedCall {
  readonly arrivedMs: number;
  /** Whether nobody waits for its answer any more. */
  gone(): boolean;
  start(): void;
  refuse(error: RoostError): void;
}

/**
 * Requests of one port that wait for their turn: what a busy event loop makes of them. Each turn starts requests for a few milliseconds, and then lets the answers of
 * databases in. None waits longer than `limits.queueMs`; where the queue has not been empty for a while, none longer than `limits.standingQueueMs`, and the newest
 * goes first: its client still waits, while those of the oldest will soon have given up (Maurer, Fail at Scale, ACM Queue 2015: controlled delay, adaptive LIFO).
 */
export class CallQueue {
  readonly #calls: { readonly call: QueuedCall; readonly turn: number }[] = [];
  #turns = 0;
  /** Where the oldest stands: those before it are gone. */
  #first = 0;
  #scheduled = false;
  #emptyAtMs = 0;

  get size(): number {
    return this.#calls.length - this.#first;
  }

  /** Whether requests have waited for a while without end. */
  get standing(): boolean {
    return this.size > 0 && performance.now() - this.#emptyAtMs > limits.standingMs;
  }

  push(call: QueuedCall): void {
    if (this.size === 0) this.#emptyAtMs = call.arrivedMs;
    this.#calls.push({ call, turn: this.#turns });
    if (this.size > limits.queuedRequests) this.#refuse(this.#oldest());
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    this.#turns++;
    const startMs = performance.now();
    const standing = startMs - this.#emptyAtMs > limits.standingMs;
    let nowMs = startMs;
    // Calls are started first: if there are more to refuse than one turn can, the answers must not be what suffers.
    for (; this.size > 0 && nowMs - startMs < limits.sliceMs; nowMs = performance.now()) {
      const next = standing ? this.#calls.length - 1 : this.#first;
      // Where the newest is late, all are.
      if (this.#isLate(next, nowMs, standing)) this.#refuse(this.#oldest());
      else {
        const call = standing ? this.#calls.pop()!.call : this.#oldest();
        if (!call.gone()) call.start();
      }
    }
    for (
      ;
      this.size > 0 && this.#isLate(this.#first, nowMs, standing) && nowMs - startMs < 2 * limits.sliceMs;
      nowMs = performance.now()
    )
      this.#refuse(this.#oldest());
    if (this.size > 0) this.#schedule();
    else this.#clear();
  }

  /** Whether a call has waited for too long, and for others: a process that was held up is no reason to refuse whatever came meanwhile. */
  #isLate(place: number, nowMs: number, standing: boolean): boolean {
    const { call, turn } = this.#calls[place]!;
    return this.#turns - turn > 1 && nowMs - call.arrivedMs > (standing ? limits.standingQueueMs : limits.queueMs);
  }

  #oldest(): QueuedCall {
    const { call } = this.#calls[this.#first]!;
    this.#first++;
    if (this.#first > 1_024 && this.#first * 2 > this.#calls.length) {
      this.#calls.splice(0, this.#first);
      this.#first = 0;
    }
    return call;
  }

  #clear(): void {
    this.#calls.length = 0;
    this.#first = 0;
  }

  #refuse(call: QueuedCall): void {
    if (!call.gone()) call.refuse(tooMany);
  }
}
