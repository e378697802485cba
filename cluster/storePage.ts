import type { ServerCounts } from './serverCounts.js';

/**
 * How a number is shown: `count` and `rate` (a second) as decimals, `bytes`, `seconds` and `percent` with their units,
 * `moment` (milliseconds since 1970) as a time in UTC. Absent: as it is.
 */
export type CellForm = 'count' | 'rate' | 'bytes' | 'seconds' | 'percent' | 'moment';

/** A table of a page. */
export interface PageTable {
  readonly title: string;
  /** Small, beside the title. */
  readonly note?: string;
  readonly columns: readonly { readonly title: string; readonly form?: CellForm }[];
  /** The cells of each row. The first names the row; null: not known. */
  readonly rows: readonly (readonly (string | number | null)[])[];
  /** A sentence in place of a table without rows, in which commands stand between backticks. */
  readonly empty: string;
}

/** A page of the dashboard that a store brings. */
export interface StorePage<Opened> {
  /** Unlike that of any other page: `/` and a word. */
  readonly path: string;
  readonly title: string;
  /** Metrics of all servers that it shows. */
  readonly metrics?: readonly string[];
  /** Its tables, as of now. Bound their rows: a page is made on every request. */
  view(opened: Opened, counts: ServerCounts): Promise<readonly PageTable[]>;
}
