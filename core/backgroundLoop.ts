import { pause } from './pause.js';

export interface LoopOptions {
  /** The pause after a step. */
  readonly everyMs: number;
  /** The pause after one that failed; absent: the same. */
  readonly afterErrorMs?: number;
  /** The pause before the first step; absent: none. */
  readonly startAfterMs?: number;
  /** Hears each failure; `repeated`: the one before had the same message. Failures after `stop` are nobody's concern. Must not throw. */
  readonly onError: (error: unknown, repeated: boolean) => void | Promise<void>;
}

/**
 * Does one step again and again, until it is stopped. A failure ends no loop. A step may answer with the pause after it, in milliseconds.
 */
export class BackgroundLoop {
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(
    private readonly step: () => Promise<number | void>,
    private readonly options: LoopOptions,
  ) {}

  /** Begins. Does nothing where it has begun, or was stopped before. */
  start(): void {
    if (!this.stopped) this.#running ??= this.#run();
  }

  get started(): boolean {
    return this.#running !== undefined;
  }

  get stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Begins no more steps and ends pauses. Resolves when the step that is under way has ended. Never rejects. */
  stop(): Promise<void> {
    this.#stop.abort();
    return this.#running ?? Promise.resolve();
  }

  /** For steps: a wait that ends when the loop is stopped. */
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
