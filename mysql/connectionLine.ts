import { limits, RoostError, type Deadline } from '../core/index.js';

interface Waiting {
  readonly sinceMs: number;
  readonly refusable: boolean;
  readonly enter: () => void;
  readonly refuse: (error: RoostError) => void;
}

/**
 * Waits are compared with the time that connections are held: if statements are slow, waiting for one is no sign of
 * overload.
 */
const holdsWaited = 16;
const maxQueueMs = 200;
/** Weight of the newest hold in their mean. */
const newestWeight = 0.05;
const retryAfterMs = 50;

/**
 * The queue for one database host's connections, first come first served. A remote caller's work (`refusable`) is
 * refused once it has waited too long: `limits.queueMs`, or `limits.standingQueueMs` if the queue has not been empty
 * for `limits.standingMs` (CoDel: Nichols and Jacobson, ACM Queue 2012); or, if that is longer, twice the mean time
 * that a connection is held. Other work (jobs, moves) waits until its deadline.
 */
export class ConnectionLine {
  readonly #waiting = new Set<Waiting>();
  #emptyAtMs = 0;
  #meanHoldMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed: RoostError | undefined;

  constructor(
    private readonly host: string,
    private free: number,
    private readonly maxWaiting: number,
  ) {}

  /**
   * Throws `Overloaded` if too many wait or the wait is too long, `DeadlineExceeded`, and the error given to `close`.
   * Returns a function that leaves.
   */
  async enter(deadline: Deadline): Promise<() => void> {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.free > 0) this.free--;
    else await this.#wait(deadline);
    const enteredMs = performance.now();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#meanHoldMs += (performance.now() - enteredMs - this.#meanHoldMs) * newestWeight;
      this.#leave();
    };
  }

  /** Refuses waiting and later callers. */
  close(error: RoostError): void {
    this.#closed = error;
    for (const { refuse } of this.#waiting) refuse(error);
    this.#waiting.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #wait(deadline: Deadline): Promise<void> {
    if (this.#waiting.size >= this.maxWaiting)
      throw this.#overloaded(`${this.maxWaiting} statements wait for a connection, which is the limit`);
    const nowMs = performance.now();
    if (this.#waiting.size === 0) this.#emptyAtMs = nowMs;
    let waiting: Waiting | undefined;
    const turn = new Promise<void>((resolve, reject) => {
      waiting = { sinceMs: nowMs, refusable: deadline.refusable, enter: resolve, refuse: reject };
      this.#waiting.add(waiting);
    });
    this.#watch();
    await deadline.race(turn, `waiting for a connection to ${this.host}`, () => this.#waiting.delete(waiting!));
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.free++;
      return;
    }
    // The place passes to the next caller without becoming free in between.
    this.#waiting.delete(next);
    next.enter();
  }

  #watch(): void {
    // Answers that have arrived are read first: a process that stood still is no reason to refuse.
    this.#timer ??= setTimeout(() => setImmediate(() => this.#refuseLate()), limits.standingQueueMs / 2);
  }

  #refuseLate(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    const standing = nowMs - this.#emptyAtMs > limits.standingMs;
    const longestMs = Math.max(
      standing ? limits.standingQueueMs : limits.queueMs,
      Math.min(maxQueueMs, holdsWaited * this.#meanHoldMs),
    );
    for (const waiting of this.#waiting) {
      if (nowMs - waiting.sinceMs <= longestMs) break;
      if (!waiting.refusable) continue;
      this.#waiting.delete(waiting);
      waiting.refuse(this.#overloaded(`no connection was free for ${Math.round(nowMs - waiting.sinceMs)} ms`));
    }
    if (this.#waiting.size > 0 && this.#closed === undefined) this.#watch();
  }

  #overloaded(why: string): RoostError {
    return new RoostError('Overloaded', `${this.host}: ${why}`, {
      fields: { host: this.host, load: 'connections' },
      retryAfterMs,
    });
  }
}
