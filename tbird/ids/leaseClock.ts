/** The most by which one reading sets the clock back. A slow answer reports a time that has passed. */
const maxSlewMs = 2;
/** A larger difference is no slow answer: the clock was ahead. */
const maxSlowAnswerMs = 250;

/** The clock of a lease: the time that the lease gave, and the monotonic clock since. */
export class LeaseClock {
  #aheadMs: number | undefined;

  constructor(private readonly monotonicMs: () => number) {}

  /** Whole milliseconds since 1970; undefined before the first reading. */
  get nowMs(): number | undefined {
    return this.#aheadMs === undefined ? undefined : Math.floor(this.monotonicMs() + this.#aheadMs);
  }

  /** Takes in a reading that has just arrived. It is never ahead of the clock that was read. */
  learn(nowMs: number): void {
    const aheadMs = nowMs - this.monotonicMs();
    const backMs = this.#aheadMs === undefined ? 0 : this.#aheadMs - aheadMs;
    this.#aheadMs = backMs > 0 && backMs <= maxSlowAnswerMs ? this.#aheadMs! - Math.min(backMs, maxSlewMs) : aheadMs;
  }
}
