import { RoostError, type Deadline } from '../core/index.js';

/** What is left of the window when a server is busy, how often that is said of it, and the least. */
const narrowing = 0.7;
const narrowEveryMs = 25;
const leastAtOnce = 4;

/**
 * Lets a bounded number run at a time, and a bounded number wait, first come first served. The number narrows when a server says that it is busy, and widens by one with each round
 * of answers (AIMD, as TCP's congestion window), so that what a server would refuse waits here.
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

  /** How many may run at a time now. */
  get window(): number {
    return Math.floor(this.#window);
  }

  /** To be called when something ended well. */
  widen(): void {
    this.#window = Math.min(this.atOnce, this.#window + 1 / this.#window);
  }

  /** To be called when a server was too busy for something. */
  narrow(): void {
    const nowMs = performance.now();
    // All that was refused in the same moment says it once.
    if (nowMs - this.#narrowedAtMs < narrowEveryMs) return;
    this.#narrowedAtMs = nowMs;
    this.#window = Math.max(Math.min(leastAtOnce, this.atOnce), this.#window * narrowing);
  }

  /** Waits for a turn and runs. Throws `Overloaded` where too many wait already, and `DeadlineExceeded` where the turn does not come in time. */
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
