const ourMicros = (): number => performance.now() * 1_000;

/**
 * The journal's Redis clock as this process knows it: the last time that Redis told, and the monotonic time since.
 *
 * The estimate lags behind Redis at most by the latency of the last answer. It is ahead only if the clock was set
 * back since.
 */
export class JournalClock {
  /** A lower bound on how far Redis's clock is ahead of this process's monotonic one, in microseconds. */
  #aheadMicros: number | undefined;
  #learnedAtMs = -Infinity;

  /** Takes in a time that Redis has just told, in microseconds since 1970. */
  learn(redisMicros: number): void {
    this.#aheadMicros = redisMicros - ourMicros();
    this.#learnedAtMs = performance.now();
  }

  /** Microseconds since 1970 on Redis's clock; undefined before its first answer. */
  get nowMicros(): number | undefined {
    return this.#aheadMicros === undefined ? undefined : ourMicros() + this.#aheadMicros;
  }

  /** Time since Redis last told its time. */
  get ageMs(): number {
    return performance.now() - this.#learnedAtMs;
  }
}
