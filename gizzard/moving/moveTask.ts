import type { ShardInfo } from '../topology/types.js';

/**
 * `copy`: merges the first source into every target. `repair`: merges the sources into each other. `merge`: the same
 * for shards that differ in much, such as a new one. `diff`: compares the sources. `verify`: the targets must hold
 * everything that any source holds; missing rows are counted, and merged into them.
 */
export const moveKinds = ['copy', 'repair', 'merge', 'diff', 'verify'] as const;
export type MoveKind = (typeof moveKinds)[number];

/** `cancelling`: its stop is requested and not yet carried out. */
export const moveStates = ['queued', 'running', 'paused', 'cancelling', 'done', 'failed', 'cancelled'] as const;
export type MoveState = (typeof moveStates)[number];

/** Whether the move is unfinished. */
export const isOpen = (state: MoveState): boolean =>
  state === 'queued' || state === 'running' || state === 'paused' || state === 'cancelling';

/** Hashes from `from` up to, but without, `to`. */
export interface HashRange {
  readonly hash: string;
  readonly from: bigint;
  readonly to: bigint;
}

export interface MoveSpec {
  readonly kind: MoveKind;
  readonly sources: readonly ShardInfo[];
  /** Empty for repairs, merges and diffs. */
  readonly targets: readonly ShardInfo[];
  /** Only rows whose hash is in this range. Absent: all. */
  readonly range?: HashRange;
}

/** Bounds on a move's rows per second, whatever the hosts report. */
export interface MoveRates {
  readonly minRowsPerSecond: number;
  readonly maxRowsPerSecond: number;
}

/** The present orders to a running move. */
export interface MoveOrders extends MoveRates {
  /** Why it rests; '' if it is to go on. */
  readonly resting: string;
}

/** A row that differs: its content by shard, null if it is missing. */
export interface Difference {
  readonly table: string;
  readonly key: string;
  readonly rows: Readonly<Record<string, Readonly<Record<string, string>> | null>>;
}

/** A move's progress. */
export interface MoveProgress {
  /** Where to continue: the index of the table, and the key after which. */
  readonly table: number;
  readonly after: string;
  readonly rowsDone: number;
  readonly rowsTotal: number;
  readonly rowsPerSecond: number;
  /** Rows that differ. */
  readonly differenceCount: number;
  /** The first of them. */
  readonly differences: readonly Difference[];
}

export interface MoveTask extends MoveSpec, MoveRates, MoveProgress {
  readonly id: number;
  readonly state: MoveState;
  /** The migration that it belongs to. */
  readonly migrationId: number | undefined;
  /** The server that runs it. */
  readonly owner: string | undefined;
  /** Why it failed, or why it is being retried. */
  readonly error: string;
}

export const notStarted: MoveProgress = {
  table: 0,
  after: '',
  rowsDone: 0,
  rowsTotal: 0,
  rowsPerSecond: 0,
  differenceCount: 0,
  differences: [],
};

/** Differences that are kept; further ones are only counted. */
export const keptDifferences = 1_000;

/** Milliseconds left at the present rate; undefined without one. */
export const remainingMs = ({ rowsDone, rowsTotal, rowsPerSecond }: MoveProgress): number | undefined =>
  rowsPerSecond <= 0 ? undefined : (Math.max(0, rowsTotal - rowsDone) / rowsPerSecond) * 1000;
