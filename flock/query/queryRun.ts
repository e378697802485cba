import { limits, type Deadline } from '../../core/index.js';

/** One statement of a query, for `explain`. */
export interface QueryStep {
  /**
   * `scan` reads a list in id order, `page` in position order, `probe` checks given ids, `node` reads counters.
   * `cached` reads a list's newest entries from the cache, with empty shard and host.
   */
  readonly kind: 'scan' | 'page' | 'probe' | 'node' | 'cached';
  readonly shard: string;
  readonly host: string;
  /** Ids checked by a probe; entries requested by the others. */
  readonly asked: number;
  /** Rows returned. */
  readonly rows: number;
  readonly tookMs: number;
}

/** A query stops for its deadline when this share of the time is left, so that the page still reaches the caller. */
const shareKeptForAnswer = 0.2;

/** The remaining budget of a query, and its steps so far. */
export class QueryRun {
  readonly steps: QueryStep[] = [];
  #rowsLeft: number;
  readonly #stopAtMs: number;

  constructor(
    readonly deadline: Deadline,
    maxRows: number = limits.rowsPerQuery,
  ) {
    this.#rowsLeft = maxRows;
    this.#stopAtMs = performance.now() + deadline.remainingMs() * (1 - shareKeptForAnswer);
  }

  /**
   * Whether the query should return what it has. Checked between steps, after the first one, so that every page makes
   * progress.
   */
  get spent(): boolean {
    return this.#rowsLeft <= 0 || performance.now() >= this.#stopAtMs;
  }

  record(step: QueryStep): void {
    this.steps.push(step);
    // A probe looks up every id, found or not.
    this.#rowsLeft -= step.kind === 'probe' ? step.asked : step.rows;
  }

  get rowsRead(): number {
    return this.steps.reduce((sum, { rows }) => sum + rows, 0);
  }
}
