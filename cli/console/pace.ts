import { setTimeout as sleep } from 'node:timers/promises';

/** Clock and wait, for tests. */
export interface PaceClock {
  nowMs(): number;
  sleep(ms: number, signal: AbortSignal): Promise<unknown>;
}

const realClock: PaceClock = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

/** Holds a stream of rows to a rate. Time that a slow server leaves unused is not made up for by a burst. */
export class Pace {
  #nextMs = -Infinity;

  constructor(
    /** Rows a second; undefined: no limit. */
    private readonly perSecond: number | undefined,
    private readonly signal: AbortSignal,
    private readonly clock: PaceClock = realClock,
  ) {}

  /**
   * Resolves when the rows may be sent: the first call at once, later calls once the rows before have used up their
   * time. Takes one caller at a time.
   */
  async admit(rows: number): Promise<void> {
    if (this.perSecond === undefined) return;
    const waitMs = this.#nextMs - this.clock.nowMs();
    if (waitMs > 0) await this.clock.sleep(waitMs, this.signal);
    this.#nextMs = Math.max(this.#nextMs, this.clock.nowMs()) + (rows * 1_000) / this.perSecond;
  }
}
