/** Waits before something is tried again: each twice as long as the one before, up to a longest one. */
export class Backoff {
  #nextMs: number;

  constructor(
    private readonly firstMs: number,
    private readonly longestMs: number,
  ) {
    this.#nextMs = firstMs;
  }

  /** The wait after one more failure. */
  next(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(this.longestMs, 2 * ms);
    return ms;
  }

  /** How long the next wait will be. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** It went well: the next wait is the first again. */
  reset(): void {
    this.#nextMs = this.firstMs;
  }

  /** Whether nothing has failed since it last went well. */
  get rested(): boolean {
    return this.#nextMs === this.firstMs;
  }
}
