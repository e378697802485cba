import { RoostError, type Deadline } from '../core/index.js';

/** Lets a bounded number run at a time, and a bounded number wait, first come first served. */
export class Turns {
  #running = 0;
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly atOnce: number,
    private readonly waitingLimit: number,
  ) {}

  /** Waits for a turn and runs. Throws `Overloaded` where too many wait already, and `DeadlineExceeded` where the turn does not come in time. */
  async run<T>(task: () => Promise<T>, deadline: Deadline): Promise<T> {
    if (this.#running < this.atOnce) this.#running++;
    else await this.#turn(deadline);
    try {
      return await task();
    } finally {
      const [next] = this.#waiting;
      // The turn passes on to the next without becoming free in between.
      if (next === undefined) this.#running--;
      else {
        this.#waiting.delete(next);
        next();
      }
    }
  }

  async #turn(deadline: Deadline): Promise<void> {
    if (this.#waiting.size >= this.waitingLimit) {
      throw new RoostError('Overloaded', `${this.waitingLimit} calls wait for a server already; await earlier calls before making more`);
    }
    let enter: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => {
      enter = resolve;
      this.#waiting.add(enter);
    });
    await deadline.race(turn, 'waiting for earlier calls', () => this.#waiting.delete(enter));
  }
}
