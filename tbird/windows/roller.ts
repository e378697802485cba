import { BackgroundLoop, isRoostError, RoostError } from '../../core/index.js';
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
  readonly #loop = new BackgroundLoop(() => this.#roll(), {
    everyMs: pauseWithoutMs,
    onError: (error, repeated) => {
      if (!repeated && !isRoostError(error, 'FailedPrecondition'))
        this.log.error({ err: RoostError.from(error) }, 'the windows of tweets could not be rolled; trying again');
    },
  });
  #lastReason = '';

  constructor(
    private readonly windows: Windows,
    private readonly log: Log,
  ) {}

  start(): void {
    this.#loop.start();
  }

  /** Waits for a roll that is under way. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Answers the pause after it. */
  async #roll(): Promise<number> {
    const { aheadMs } = await this.windows.freshPolicy();
    const { made, dropped, moving, heldBack, clocksApartMs } = await this.windows.roll();
    if (made.length + dropped.length + moving > 0)
      this.log.info({ made, dropped, moving }, 'the windows of tweets were rolled');
    const reason = whyHeldBack(heldBack.length, clocksApartMs);
    if (reason !== '' && reason !== this.#lastReason) this.log.warn({ heldBack }, reason);
    this.#lastReason = reason;
    return Math.min(maxPauseMs, Math.max(minPauseMs, aheadMs / looksAhead));
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
