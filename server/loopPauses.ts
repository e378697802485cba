import { ReadingPause } from './readingPause.js';

const beatEveryMs = 50;
/** A longer turn of the event loop is a pause; a shorter one is the work of a busy server. */
const pauseMs = 200;

/**
 * Tells how long bytes that are read now may have waited because this process did not run: it was stopped, or busy
 * with one thing.
 *
 * Not included: the time that bytes spent on their way, and time during which the machine's monotonic clock stood
 * still.
 */
export class LoopPauses {
  readonly #timer: NodeJS.Timeout;
  readonly #pause = new ReadingPause();
  #beatMs = performance.now();

  constructor() {
    this.#timer = setInterval(() => this.#beat(performance.now()), beatEveryMs);
    this.#timer.unref();
  }

  /** The earliest moment, on the monotonic clock, at which bytes read at `nowMs` may have arrived. */
  arrivedSinceMs(nowMs: number): number {
    // Sockets may be read before the timer has its turn.
    if (nowMs - this.#beatMs > pauseMs) this.#beat(nowMs);
    return this.#pause.arrivedSinceMs(nowMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #beat(nowMs: number): void {
    if (nowMs - this.#beatMs > pauseMs) {
      this.#pause.begin(this.#beatMs);
      this.#pause.end(nowMs);
    }
    this.#beatMs = nowMs;
  }
}
