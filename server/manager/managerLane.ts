import type { Deadline } from '../../core/index.js';

/** Runs a few calls at a time, first come first served. The server's slots bound how many wait. */
export class ManagerLane {
  readonly #waiting = new Set<() => void>();

  constructor(private free: number) {}

  /**
   * Throws `DeadlineExceeded` if its turn does not come in time, and `Unavailable` if the client has disconnected.
   */
  async run<T>(work: () => Promise<T>, deadline: Deadline): Promise<T> {
    await this.#enter(deadline);
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      // The turn passes to the next without becoming free in between.
      if (next === undefined) this.free++;
      else {
        this.#waiting.delete(next);
        next();
      }
    }
  }

  async #enter(deadline: Deadline): Promise<void> {
    if (this.free > 0) {
      this.free--;
      return;
    }
    let enter: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => {
      enter = resolve;
      this.#waiting.add(enter);
    });
    await deadline.race(turn, 'waiting for other calls of the manager', () => this.#waiting.delete(enter));
  }
}
