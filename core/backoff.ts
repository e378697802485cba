/** Waits between attempts: each twice as long as the one before, up to a maximum. */
export class Backoff {
  #nextMs: number;

  constructor(
    private readonly firstMs: number,
    private readonly longestMs: number,
  ) {
    this.#nextMs = firstMs;
  }

  /** The wait after another failure. */
  next(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(this.longestMs, 2 * ms);
    return ms;
  }

  /** The length of the next wait. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** Reports a success: the next wait is the first one again. */
  reset(): void {
    this.#nextMs = this.firstMs;
  }

  /** Whether nothing has failed since the last success. */
  get rested(): boolean {
    return this.#nextMs === this.firstMs;
  }
}
