import type { Deadline } from './deadline.js';

/** Bounds concurrent work; waiters are served first come first served. */
export class Semaphore {
  readonly #waiting: (() => void)[] = [];

  constructor(private free: number) {}

  /**
   * Waits for a slot and runs, at the earliest after the caller's synchronous code. With a deadline, throws the error
   * of `deadline.race` if no slot is free in time.
   */
  async run<T>(work: () => Promise<T>, deadline?: Deadline, what = 'waiting for a slot'): Promise<T> {
    await this.#enter(deadline, what);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(deadline: Deadline | undefined, what: string): Promise<void> {
    if (this.free > 0) {
      this.free--;
      return;
    }
    let enter: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => {
      enter = resolve;
      this.#waiting.push(enter);
    });
    const giveUp = (): void => {
      const place = this.#waiting.indexOf(enter);
      if (place >= 0) this.#waiting.splice(place, 1);
    };
    await (deadline === undefined ? turn : deadline.race(turn, what, giveUp));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    // The slot passes to the next without becoming free in between.
    if (next === undefined) this.free++;
    else next();
  }
}
