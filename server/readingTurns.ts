import { limits } from '../core/index.js';

/**
 * Bounds what a port reads in one turn of the event loop: if requests arrive faster than they can be examined,
 * answers of databases must still get their turn. The rest waits for the next turn, first come first served.
 */
export class ReadingTurns {
  /** The number of the turn. */
  count = 0;
  #beganMs: number | undefined;
  readonly #parked: (() => void)[] = [];

  /** Whether this turn has time left. If not, `read` is called in a later one. */
  hasTime(nowMs: number, read: () => void): boolean {
    if (this.#beganMs === undefined) this.#begin(nowMs);
    if (this.#parked.length === 0 && nowMs - this.#beganMs! < limits.sliceMs) return true;
    this.#parked.push(read);
    return false;
  }

  #begin(nowMs: number): void {
    this.#beganMs = nowMs;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.count++;
    this.#beganMs = undefined;
    if (this.#parked.length === 0) return;
    const startMs = performance.now();
    this.#begin(startMs);
    let read = 0;
    while (read < this.#parked.length && performance.now() - startMs < limits.sliceMs) this.#parked[read++]!();
    this.#parked.splice(0, read);
  }
}
