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

/** Holds a stream of rows to a rate. Time that was not used, because the server was slow, is not made up for by a burst. */
export class Pace {
  #nextMs = -Infinity;

  constructor(
    /** Rows a second; undefined: as fast as it goes. */
    private readonly perSecond: number | undefined,
    private readonly signal: AbortSignal,
    private readonly clock: PaceClock = realClock,
  ) {}

  /** Resolves when some rows may be sent: the first at once, later ones when those before have had their time. To be called by one at a time. */
  async admit(rows: number): Promise<void> {
    if (this.perSecond === undefined) return;
    const waitMs = this.#nextMs - this.clock.nowMs();
    if (waitMs > 0) await this.clock.sleep(waitMs, this.signal);
    this.#nextMs = Math.max(this.#nextMs, this.clock.nowMs()) + (rows * 1_000) / this.perSecond;
  }
}
