/** Microseconds since 1970-01-01 UTC. */
export type Micros = bigint;

/**
 * A hybrid logical clock (Kulkarni et al. 2014) folded into one number of microseconds: it follows the wall clock,
 * never goes back, and never gives the same time twice within a process.
 *
 * Not guaranteed: that times of two processes differ. Conflict rules break ties by value, not by time.
 */
export class HybridClock {
  #last = 0n;

  constructor(private readonly wallMicros: () => Micros = systemMicros) {}

  now(): Micros {
    const wall = this.wallMicros();
    this.#last = wall > this.#last ? wall : this.#last + 1n;
    return this.#last;
  }

  /** The first of `count` times in a row that nobody else in this process gets. */
  reserve(count: number): Micros {
    const first = this.now();
    this.#last = first + BigInt(count - 1);
    return first;
  }

  /** Takes note of a time that another process has given, so that ours are later. */
  observe(time: Micros): void {
    if (time > this.#last) this.#last = time;
  }
}

/** The wall clock in microseconds. */
export const systemMicros = (): Micros => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000));
