const ourMicros = (): number => performance.now() * 1_000;

/**
 * The clock of the journal's Redis, as this process knows it: the last time that Redis told, and the monotonic time since.
 *
 * The estimate lags behind Redis by at most the time that its last answer took to arrive, and is ahead of it only when that clock has been set back since.
 */
export class JournalClock {
  /** Microseconds that Redis's clock is ahead of this process's monotonic one, at the least. */
  #aheadMicros: number | undefined;
  #learnedAtMs = -Infinity;

  /** Takes over a time that Redis has just told, in microseconds since 1970. */
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
