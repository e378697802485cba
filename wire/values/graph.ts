import type { Micros, Priority } from '../../core/index.js';

/** The states of an edge. The index is the rank, which breaks ties in time, and the value in the tables. */
export const edgeStates = ['normal', 'negative', 'archived', 'removed'] as const;
export type EdgeState = (typeof edgeStates)[number];

/** `forward`: from a source to its destinations; `backward`: from a destination to its sources. */
export type Direction = 'forward' | 'backward';

/** What a write does to an edge; each sets one state. */
export type Operation = 'add' | 'remove' | 'archive' | 'negate';

export interface GraphInfo {
  readonly id: number;
  readonly name: string;
}

export interface Edge {
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  readonly position: bigint;
  /** The time of the edge's own state. */
  readonly updatedAt: Micros;
  readonly state: EdgeState;
}

/** Writes of many edges of one graph, as columns: entry i of each belongs to edge i. */
export interface EdgeWrites {
  readonly graphId: number;
  /** One operation for all, or one for each edge. */
  readonly operations: Operation | readonly Operation[];
  readonly sourceIds: BigInt64Array;
  readonly destinationIds: BigInt64Array;
  /**
   * Sort keys. Absent: for add and negate the time of the write in microseconds. Archive and remove do not move an
   * edge; theirs, 0 if absent, counts only for an edge that no add or negate has placed.
   */
  readonly positions?: BigInt64Array;
  /** Absent: now, later than every earlier accepted write without a time of its own. */
  readonly times?: BigInt64Array;
}

/** A mass operation, on all of a node's edges in one direction, as of a time. */
export interface NodeWrite {
  readonly graphId: number;
  readonly id: bigint;
  readonly direction: Direction;
  readonly operation: Operation;
  /** Absent: now, as for edges. */
  readonly time?: Micros;
}

/** Writes that are accepted together, in order: each without a time is later than those before it. */
export type WriteBatch = readonly BatchedWrite[];
export type BatchedWrite = { readonly edges: EdgeWrites } | { readonly node: NodeWrite };

/** The registers of mass operations on a node, and its counters. */
export interface Node {
  /** The highest state that the node's edges can show, and its time. */
  readonly color: EdgeState;
  readonly coloredAt: Micros;
  /** The time of the latest mass removal; −1 without one. */
  readonly removedThrough: Micros;
  readonly counts: StateCounts;
}

/** The edges of one node in one direction, in any of some states, optionally only those to given ids. */
export interface Term {
  readonly graphId: number;
  readonly sourceId: bigint;
  readonly direction: Direction;
  readonly states: readonly EdgeState[];
  readonly destinationIds?: BigInt64Array;
  /** Only edges with positions in this range, ends included: a range of time if positions are times. */
  readonly minPosition?: bigint;
  readonly maxPosition?: bigint;
}

export type Query =
  | { readonly kind: 'term'; readonly term: Term }
  | { readonly kind: 'intersection' | 'union' | 'difference'; readonly left: Query; readonly right: Query };

export interface PageRequest {
  /** Entries wanted: 1 … limits.pageSize. */
  readonly count: number;
  /** −1n starts; a positive cursor leads on to older entries, a negative one back to newer ones. */
  readonly cursor: bigint;
}

/**
 * A page of ids. A simple term is ordered by position, greatest first; a compound query by id, greatest first; also
 * backwards. `nextCursor` is 0n at the end; `prevCursor` is negative, or 0n if nothing precedes the page.
 */
export interface IdPage {
  readonly ids: BigInt64Array;
  readonly nextCursor: bigint;
  readonly prevCursor: bigint;
  /**
   * Whether the query's deadline or row budget ended it before the page was full: its cursor continues from there.
   */
  readonly partial: boolean;
}

/** How a page was answered. */
export interface Explanation {
  /** The query's plan. */
  readonly plan: string;
  /** Estimated number of ids in the whole query. */
  readonly estimate: bigint;
  readonly page: IdPage;
  readonly rowsRead: number;
  readonly tookMs: number;
  /** Every statement, in the order of completion. */
  readonly steps: readonly {
    readonly kind: string;
    readonly shard: string;
    readonly host: string;
    readonly asked: number;
    readonly rows: number;
    readonly tookMs: number;
  }[];
}

/** The lists, and the number of edges from each. */
export interface NewestOf {
  readonly graphId: number;
  readonly direction: Direction;
  readonly states: readonly EdgeState[];
  readonly count: number;
}

export interface EdgePage {
  readonly edges: readonly Edge[];
  readonly nextCursor: bigint;
  readonly prevCursor: bigint;
}

/** The number of a node's edges in each state. A node without edges has zeros. */
export type StateCounts = Readonly<Record<EdgeState, bigint>>;

export interface JournalStatus {
  /** Jobs accepted and not yet applied, by priority. */
  readonly queued: Readonly<Record<Priority, number>>;
  /** Failed jobs that wait for a retry. */
  readonly failing: number;
  /** Jobs given up after the error limit; kept until an operator decides. */
  readonly bad: number;
}

/** The place of a graph's node. */
export interface NodeLocation {
  readonly direction: Direction;
  readonly tableId: number;
  /** The hash of the id, which routes it. */
  readonly hash: bigint;
  /** The forwarding's base id. */
  readonly baseId: bigint;
  /** The root shard, and the leaves below it in tree order. */
  readonly rootShard: string;
  readonly leaves: readonly {
    readonly shard: string;
    readonly host: string;
    readonly read: string;
    readonly write: string;
  }[];
}
