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
}

/**
 * Bound on the difference of the two clocks. The monotonic clock is finer, but it misses corrections of the wall
 * clock and the time that a machine sleeps.
 */
const agreeWithinMs = 2;

/** The wall clock in microseconds. */
export function systemMicros(): Micros {
  const wallMs = Date.now();
  const fineMs = performance.timeOrigin + performance.now() + offsetMs;
  if (Math.abs(fineMs - wallMs) <= agreeWithinMs) return toMicros(fineMs);
  offsetMs += wallMs - fineMs;
  return toMicros(wallMs);
}

let offsetMs = 0;
const toMicros = (ms: number): Micros => BigInt(Math.round(ms * 1000));
