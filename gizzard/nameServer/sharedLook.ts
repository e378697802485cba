import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Looks for many callers: each gets one that begins after its call, and all together have at most one every
 * `everyMs`.
 */
export class SharedLook {
  #next: Promise<void> | undefined;
  #lastMs = -Infinity;

  constructor(
    private readonly look: () => Promise<void>,
    private readonly everyMs: number,
  ) {}

  fresh(): Promise<void> {
    this.#next ??= this.#afterPause();
    return this.#next;
  }

  async #afterPause(): Promise<void> {
    const pauseMs = this.#lastMs + this.everyMs - performance.now();
    // Always after `fresh` has kept the promise of this look.
    await (pauseMs > 0 ? sleep(pauseMs) : Promise.resolve());
    this.#next = undefined;
    this.#lastMs = performance.now();
    await this.look();
  }
}
