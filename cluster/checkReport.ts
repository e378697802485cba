/** How to check a store. */
export interface CheckOptions {
  /** Repair faults, except those that `CheckReport.remedies` is needed for. */
  readonly repair?: boolean;
  /**
   * How long a difference must last to count as a fault: writes in progress cause passing ones. Absent: the store's
   * own time.
   */
  readonly settleMs?: number;
  readonly signal?: AbortSignal;
  /** Called from time to time with the number of rows read so far. */
  readonly onProgress?: (rows: number) => void;
}

/** The result of checking a store. */
export interface CheckReport {
  /** How much was checked, for people: `31 tweets and 60 entries`. */
  readonly looked: string;
  /** All faults, including those that were repaired or that journaled jobs will repair. */
  readonly faults: number;
  readonly repaired: number;
  /** The first faults, one line each, for people. */
  readonly found: readonly string[];
  /** Commands for the faults that `repair` cannot mend. Run them before a repair, which would copy such faults. */
  readonly remedies: readonly string[];
}

/** The most lines in a report. */
export const shownFaults = 20;
