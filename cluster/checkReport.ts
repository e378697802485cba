/** How a store is checked. */
export interface CheckOptions {
  /** Put right what is found, as far as `CheckReport.remedies` does not say otherwise. */
  readonly repair?: boolean;
  /** How long a difference has to last before it is a fault, for checks that wait so: writes that are under way make some. Absent: the store's own time. */
  readonly settleMs?: number;
  readonly signal?: AbortSignal;
  /** Called now and then with the rows that have been read so far. */
  readonly onProgress?: (rows: number) => void;
}

/** What a check of a store found. */
export interface CheckReport {
  /** How much was looked at, for people: `31 tweets and 60 entries`. */
  readonly looked: string;
  /** All faults, with those that are repaired, or that journaled jobs repair. */
  readonly faults: number;
  readonly repaired: number;
  /** The first faults, a line each, for people. */
  readonly found: readonly string[];
  /** Commands that put right what `repair` does not. They come first where they are needed: a repair would copy such faults. */
  readonly remedies: readonly string[];
}

/** Lines of a report. */
export const shownFaults = 20;
