import { pause } from './pause.js';

export interface LoopOptions {
  /** The pause after a step. */
  readonly everyMs: number;
  /** The pause after a failed step. Absent: the same. */
  readonly afterErrorMs?: number;
  /** The pause before the first step; absent: none. */
  readonly startAfterMs?: number;
  /**
   * Is told each failure; `repeated` is true if the failure before had the same message. Not called after `stop`.
   * Must not throw.
   */
  readonly onError: (error: unknown, repeated: boolean) => void | Promise<void>;
}

/**
 * Repeats a step until it is stopped. A failed step does not end the loop. A step may return the pause after it, in
 * milliseconds.
 */
export class BackgroundLoop {
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(
    private readonly step: () => Promise<number | void>,
    private readonly options: LoopOptions,
  ) {}

  /** Starts the loop. Does nothing if it has been started or stopped before. */
  start(): void {
    if (!this.stopped) this.#running ??= this.#run();
  }

  get started(): boolean {
    return this.#running !== undefined;
  }

  get stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Starts no more steps, and ends pauses. Resolves when the running step has ended. Never rejects. */
  stop(): Promise<void> {
    this.#stop.abort();
    return this.#running ?? Promise.resolve();
  }

  /** A pause inside a step; stopping the loop ends it. */
  pause(ms: number): Promise<void> {
    return pause(ms, this.#stop.signal);
  }

  async #run(): Promise<void> {
    const { everyMs, afterErrorMs = everyMs, startAfterMs = 0, onError } = this.options;
    if (startAfterMs > 0) await this.pause(startAfterMs);
    let lastReason = '';
    while (!this.stopped) {
      let pauseMs = everyMs;
      try {
        pauseMs = (await this.step()) ?? everyMs;
        lastReason = '';
      } catch (error) {
        if (this.stopped) return;
        const reason = error instanceof Error ? error.message : String(error);
        await onError(error, reason === lastReason);
        lastReason = reason;
        pauseMs = afterErrorMs;
      }
      if (pauseMs > 0) await this.pause(pauseMs);
    }
  }
}
