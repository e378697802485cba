import type { ShardInfo } from '../topology/types.js';

/**
 * `copy`: what the first source holds is merged into every target. `repair`: the sources are merged into each other. `merge`: the same for shards that differ in much, such as a new one.
 * `diff`: the sources are compared.
 * `verify`: the targets must hold what any source holds; what they lack is counted, and merged into them.
 */
export const moveKinds = ['copy', 'repair', 'merge', 'diff', 'verify'] as const;
export type MoveKind = (typeof moveKinds)[number];

/** `cancelling`: it is to stop, and a server has yet to carry that out. */
export const moveStates = ['queued', 'running', 'paused', 'cancelling', 'done', 'failed', 'cancelled'] as const;
export type MoveState = (typeof moveStates)[number];

/** Whether the move still has something to do. */
export const isOpen = (state: MoveState): boolean =>
  state === 'queued' || state === 'running' || state === 'paused' || state === 'cancelling';

/** Hashes from `from` up to, and without, `to`. */
export interface HashRange {
  readonly hash: string;
  readonly from: bigint;
  readonly to: bigint;
}

export interface MoveSpec {
  readonly kind: MoveKind;
  readonly sources: readonly ShardInfo[];
  /** Empty for a repair, a merge and a diff. */
  readonly targets: readonly ShardInfo[];
  /** Only rows that are routed by a hash in it. Absent: all. */
  readonly range?: HashRange;
}

/** The rows a second between which a move stays, whatever the hosts say. */
export interface MoveRates {
  readonly minRowsPerSecond: number;
  readonly maxRowsPerSecond: number;
}

/** What a running move is to do now. */
export interface MoveOrders extends MoveRates {
  /** Why it rests; '' while it is to go on. */
  readonly resting: string;
}

/** A row that was not the same everywhere: by shard what it is there, null where it is missing. */
export interface Difference {
  readonly table: string;
  readonly key: string;
  readonly rows: Readonly<Record<string, Readonly<Record<string, string>> | null>>;
}

/** How far a move is. */
export interface MoveProgress {
  /** Where to go on: the table's place and the key behind which. */
  readonly table: number;
  readonly after: string;
  readonly rowsDone: number;
  readonly rowsTotal: number;
  readonly rowsPerSecond: number;
  /** Rows that were not the same. */
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
  /** Why it failed, or what it is being tried again after. */
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

/** Differences that are kept; more are only counted. */
export const keptDifferences = 1_000;

/** Milliseconds left at the present rate; undefined while there is none. */
export const remainingMs = ({ rowsDone, rowsTotal, rowsPerSecond }: MoveProgress): number | undefined =>
  rowsPerSecond <= 0 ? undefined : (Math.max(0, rowsTotal - rowsDone) / rowsPerSecond) * 1000;
