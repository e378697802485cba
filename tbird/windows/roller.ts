import { isRoostError, RoostError } from '../../core/index.js';
import type { Log } from '../../process/index.js';
import type { Windows } from './windows.js';

const maxPauseMs = 60_000;
const minPauseMs = 250;
/** While tweets are not set up, or windows cannot be changed. */
const pauseWithoutMs = 5_000;
/** Looks in the time by which a window is made early, so that several may fail. */
const looksAhead = 8;

/** Rolls the windows again and again, in every server. */
export class Roller {
  #timer: NodeJS.Timeout | undefined;
  #rolling: Promise<void> = Promise.resolve();
  #stopped = false;
  #lastReason = '';

  constructor(
    private readonly windows: Windows,
    private readonly log: Log,
  ) {}

  start(): void {
    const run = (): void => {
      this.#rolling = this.#roll().then((pauseMs) => {
        if (!this.#stopped) this.#timer = setTimeout(run, pauseMs);
      });
    };
    run();
  }

  /** Waits for a roll that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#rolling;
  }

  async #roll(): Promise<number> {
    try {
      const { aheadMs } = await this.windows.freshPolicy();
      const { made, dropped, moving, heldBack, clocksApartMs } = await this.windows.roll();
      if (made.length + dropped.length + moving > 0)
        this.log.info({ made, dropped, moving }, 'rolled the windows of tweets');
      const reason = whyHeldBack(heldBack.length, clocksApartMs);
      if (reason !== '' && reason !== this.#lastReason) this.log.warn({ heldBack }, reason);
      this.#lastReason = reason;
      return Math.min(maxPauseMs, Math.max(minPauseMs, aheadMs / looksAhead));
    } catch (error) {
      const reason = RoostError.from(error);
      if (!isRoostError(error, 'FailedPrecondition') && reason.message !== this.#lastReason) {
        this.log.error({ err: reason }, 'the windows of tweets could not be rolled; trying again');
      }
      this.#lastReason = reason.message;
      return pauseWithoutMs;
    }
  }
}

function whyHeldBack(count: number, clocksApartMs: number | undefined): string {
  if (clocksApartMs !== undefined) {
    return `the clock of the journal's Redis is ${Math.round(clocksApartMs / 1_000)} s ahead of that of the name server's MySQL: no window of tweets is dropped until they agree`;
  }
  return count === 0
    ? ''
    : `${count} windows of tweets are past the retention and wait, since a roll drops few at once; \`roost tweets roll --all\` drops them all`;
}
