import { limits, type Deadline } from '../../core/index.js';

/** One statement of a query, for `explain`. */
export interface QueryStep {
  /**
   * `scan` reads a list in the order of the ids, `page` in the order of the positions, `probe` asks about given ids, `node` reads counters. `cached` takes the newest
   * entries of a list from the cache: shard and host are empty.
   */
  readonly kind: 'scan' | 'page' | 'probe' | 'node' | 'cached';
  readonly shard: string;
  readonly host: string;
  /** Ids asked about by a probe, entries asked for by others. */
  readonly asked: number;
  /** Rows that came back. */
  readonly rows: number;
  readonly tookMs: number;
}

/** A query stops for its deadline while this share of its time is left, so that the page still reaches the caller. */
const shareKeptForAnswer = 0.2;

/** What one query may still use, and what it has done. */
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

  /** Whether the query should end with what it has. Asked between steps, after the first one, so that every page gets on. */
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
