import { RoostError, type Deadline } from '../core/index.js';

/** How a busy server narrows the window: by this factor, at most once in this time, and not below this size. */
const narrowing = 0.7;
const narrowEveryMs = 25;
const leastAtOnce = 4;

/**
 * Bounds how many tasks run and how many wait, first come first served. The window narrows when a server reports that
 * it is busy, and widens by one with each round of answers (AIMD, as TCP's congestion window), so that calls wait
 * here rather than being refused there.
 */
export class Turns {
  #running = 0;
  #window: number;
  #narrowedAtMs = 0;
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly atOnce: number,
    private readonly waitingLimit: number,
  ) {
    this.#window = atOnce;
  }

  /** Tasks that may run at a time at present. */
  get window(): number {
    return Math.floor(this.#window);
  }

  /** Reports a success. */
  widen(): void {
    this.#window = Math.min(this.atOnce, this.#window + 1 / this.#window);
  }

  /** Reports that a server was too busy. */
  narrow(): void {
    const nowMs = performance.now();
    // Refusals of the same moment count once.
    if (nowMs - this.#narrowedAtMs < narrowEveryMs) return;
    this.#narrowedAtMs = nowMs;
    this.#window = Math.max(Math.min(leastAtOnce, this.atOnce), this.#window * narrowing);
  }

  /**
   * Waits for its turn and runs. Throws `Overloaded` if too many wait already, and `DeadlineExceeded` if the turn
   * does not come in time.
   */
  async run<T>(task: () => Promise<T>, deadline: Deadline): Promise<T> {
    if (this.#running < this.window && this.#waiting.size === 0) this.#running++;
    else await this.#turn(deadline);
    try {
      return await task();
    } finally {
      this.#running--;
      this.#letIn();
    }
  }

  #letIn(): void {
    for (const next of this.#waiting) {
      if (this.#running >= this.window) return;
      this.#running++;
      this.#waiting.delete(next);
      next();
    }
  }

  async #turn(deadline: Deadline): Promise<void> {
    if (this.#waiting.size >= this.waitingLimit) {
      throw new RoostError(
        'Overloaded',
        `${this.waitingLimit} calls wait for a server already; await earlier calls before making more`,
      );
    }
    let enter: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => {
      enter = resolve;
      this.#waiting.add(enter);
    });
    await deadline.race(turn, 'waiting for earlier calls', () => this.#waiting.delete(enter));
  }
}
