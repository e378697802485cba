/** An answer that took long tells an earlier time than it is. The clock goes back by no more than this for it. */
const maxSlewMs = 2;
/** What differs by more is no slow answer: the clock was ahead. */
const maxSlowAnswerMs = 250;

/** The clock of a lease: what the lease said, and the monotonic clock since. */
export class LeaseClock {
  #aheadMs: number | undefined;

  constructor(private readonly monotonicMs: () => number) {}

  /** Whole milliseconds since 1970; undefined before the first reading. */
  get nowMs(): number | undefined {
    return this.#aheadMs === undefined ? undefined : Math.floor(this.monotonicMs() + this.#aheadMs);
  }

  /** A reading that has just arrived. It is never ahead of the clock that was read. */
  learn(nowMs: number): void {
    const aheadMs = nowMs - this.monotonicMs();
    const backMs = this.#aheadMs === undefined ? 0 : this.#aheadMs - aheadMs;
    this.#aheadMs = backMs > 0 && backMs <= maxSlowAnswerMs ? this.#aheadMs! - Math.min(backMs, maxSlewMs) : aheadMs;
  }
}
