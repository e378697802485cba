import type { Micros, Priority } from '../../core/index.js';

/** What an edge may be. The number is its rank, which breaks ties in time, and its value in the tables. */
export const edgeStates = ['normal', 'negative', 'archived', 'removed'] as const;
export type EdgeState = (typeof edgeStates)[number];

/** `forward`: from a source to its destinations; `backward`: from a destination to its sources. */
export type Direction = 'forward' | 'backward';

/** What a write does to an edge: the state that it sets. */
export type Operation = 'add' | 'remove' | 'archive' | 'negate';

export interface GraphInfo {
  readonly id: number;
  readonly name: string;
}

export interface Edge {
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  readonly position: bigint;
  /** When the edge's own state was set. */
  readonly updatedAt: Micros;
  readonly state: EdgeState;
}

/** Writes of many edges of one graph, column by column: entry i of each column belongs to edge i. */
export interface EdgeWrites {
  readonly graphId: number;
  /** One operation for all, or one for each edge. */
  readonly operations: Operation | readonly Operation[];
  readonly sourceIds: BigInt64Array;
  readonly destinationIds: BigInt64Array;
  /**
   * Sort keys. Absent: the time of the write in microseconds for add and negate. Archive and remove leave an edge where it is; theirs, 0 where absent, is that of an edge that no
   * add or negate has placed.
   */
  readonly positions?: BigInt64Array;
  /** Absent: now, later than every write that the cluster has accepted before and that brought no time of its own. */
  readonly times?: BigInt64Array;
}

/** A mass operation: on all edges that a node has in one direction, as of a time. */
export interface NodeWrite {
  readonly graphId: number;
  readonly id: bigint;
  readonly direction: Direction;
  readonly operation: Operation;
  /** Absent: now, as for edges. */
  readonly time?: Micros;
}

/** Writes that are accepted together, in their order: of those that bring no time, each is later than those before it. */
export type WriteBatch = readonly BatchedWrite[];
export type BatchedWrite = { readonly edges: EdgeWrites } | { readonly node: NodeWrite };

/** What mass operations have left on a node, and its counters. */
export interface Node {
  /** The state that the node's edges cannot get above, and when it was set. */
  readonly color: EdgeState;
  readonly coloredAt: Micros;
  /** The time of the latest mass removal; −1 where there was none. */
  readonly removedThrough: Micros;
  readonly counts: StateCounts;
}

/** The edges of one node, in one direction, in any of some states, optionally only those to given ids. */
export interface Term {
  readonly graphId: number;
  readonly sourceId: bigint;
  readonly direction: Direction;
  readonly states: readonly EdgeState[];
  readonly destinationIds?: BigInt64Array;
  /** Only edges at positions from here to there, both inclusive: a range of time where positions are times. */
  readonly minPosition?: bigint;
  readonly maxPosition?: bigint;
}

export type Query =
  | { readonly kind: 'term'; readonly term: Term }
  | { readonly kind: 'intersection' | 'union' | 'difference'; readonly left: Query; readonly right: Query };

export interface PageRequest {
  /** Entries wanted: 1 … limits.pageSize. */
  readonly count: number;
  /** −1n starts; a positive cursor pages on toward older entries, a negative one back toward newer ones. */
  readonly cursor: bigint;
}

/**
 * A page of ids. A simple term comes by position, greatest first; a compound query by id, greatest first; also when paging backwards.
 * `nextCursor` is 0n at the end; `prevCursor` is negative, and 0n where nothing precedes the page.
 */
export interface IdPage {
  readonly ids: BigInt64Array;
  readonly nextCursor: bigint;
  readonly prevCursor: bigint;
  /** The query's deadline or its row budget ended it before the page was full: its cursor goes on from there. */
  readonly partial: boolean;
}

/** How a page was answered. */
export interface Explanation {
  /** The query as it was planned. */
  readonly plan: string;
  /** About how many ids the whole query has. */
  readonly estimate: bigint;
  readonly page: IdPage;
  readonly rowsRead: number;
  readonly tookMs: number;
  /** Every statement, in the order in which they ended. */
  readonly steps: readonly {
    readonly kind: string;
    readonly shard: string;
    readonly host: string;
    readonly asked: number;
    readonly rows: number;
    readonly tookMs: number;
  }[];
}

/** Which lists, and how many edges of each. */
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

/** How many edges of a node are in each state. A node without edges has zeros. */
export type StateCounts = Readonly<Record<EdgeState, bigint>>;

export interface JournalStatus {
  /** Jobs accepted and not yet applied, by priority. */
  readonly queued: Readonly<Record<Priority, number>>;
  /** Jobs that failed and wait for another attempt. */
  readonly failing: number;
  /** Jobs given up after the error limit; kept until an operator decides. */
  readonly bad: number;
}

/** Where one node of a graph lives. */
export interface NodeLocation {
  readonly direction: Direction;
  readonly tableId: number;
  /** The hash of the id, by which it is routed. */
  readonly hash: bigint;
  /** The forwarding's base. */
  readonly baseId: bigint;
  /** The root shard, and the leaves below it in the order of the tree. */
  readonly rootShard: string;
  readonly leaves: readonly {
    readonly shard: string;
    readonly host: string;
    readonly read: string;
    readonly write: string;
  }[];
}
