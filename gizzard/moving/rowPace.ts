import type { Host } from '../backend.js';
import type { MoveRates } from './moveTask.js';
import { Throttle } from './throttle.js';

const pageRows = 2_000;
/** The rates are read no more often than this. */
const ratesEveryMs = 500;

/** Paces the reading or writing of pages like a move: within its rates, and resting with the others. */
export class RowPace {
  readonly #throttle: Throttle;
  #rates: MoveRates | undefined;
  #readAtMs = 0;

  constructor(
    hosts: readonly Host[],
    private readonly read: () => Promise<MoveRates>,
    signal: AbortSignal,
  ) {
    this.#throttle = new Throttle(hosts, signal);
  }

  /** Works on a page of at most `limit` rows, and rests. Returns where it ended. */
  async page(
    work: (limit: number) => Promise<{ readonly end: string | undefined; readonly rows: number }>,
  ): Promise<string | undefined> {
    if (this.#rates === undefined || performance.now() - this.#readAtMs > ratesEveryMs) {
      this.#rates = await this.read();
      this.#readAtMs = performance.now();
    }
    const startMs = performance.now();
    const { end, rows } = await work(Math.min(pageRows, this.#throttle.pageRows, this.#rates.maxRowsPerSecond));
    await this.#throttle.pause(rows, performance.now() - startMs, this.#rates);
    return end;
  }
}
