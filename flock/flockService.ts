import type { Micros } from '../core/index.js';
import type {
  Direction,
  Edge,
  EdgePage,
  EdgeState,
  EdgeWrites,
  Explanation,
  GraphInfo,
  IdPage,
  JournalStatus,
  NewestOf,
  Node,
  NodeLocation,
  PageRequest,
  Query,
  ReadOptions,
  StateCounts,
  Term,
  WriteBatch,
  WriteOptions,
} from '../wire/index.js';

/**
 * The social graph as a library: what the RPC server exposes and tests call directly.
 * Every method throws RoostError: `NotFound` for a graph that does not exist, `InvalidArgument` for bad input,
 * `Unavailable` when no replica can answer, `DeadlineExceeded`, `Overloaded` when the journal is full.
 */
export interface FlockService {
  graphs(): readonly GraphInfo[];
  graph(name: string): GraphInfo;

  /** All of the writes are accepted, or none is. Idempotent and commutative. */
  write(writes: EdgeWrites, options?: WriteOptions): Promise<void>;
  /**
   * The same for any number of edges and mass operations. `materialized` waits for the edges in both directions, and for a mass operation until it
   * holds for every later write; the node's edges follow page by page.
   */
  execute(batch: WriteBatch, options?: WriteOptions): Promise<void>;

  /** The state of each pair (source i, destination i); undefined where there has never been such an edge. */
  states(
    graphId: number,
    sourceIds: BigInt64Array,
    destinationIds: BigInt64Array,
    options?: ReadOptions,
  ): Promise<readonly (EdgeState | undefined)[]>;
  /** Each pair's edge; undefined where there has never been one. */
  edges(
    graphId: number,
    sourceIds: BigInt64Array,
    destinationIds: BigInt64Array,
    options?: ReadOptions,
  ): Promise<readonly (Edge | undefined)[]>;
  /** Undefined for a node that nothing was ever written of. */
  nodes(
    graphId: number,
    direction: Direction,
    ids: BigInt64Array,
    options?: ReadOptions,
  ): Promise<readonly (Node | undefined)[]>;
  counts(
    graphId: number,
    direction: Direction,
    ids: BigInt64Array,
    options?: ReadOptions,
  ): Promise<readonly StateCounts[]>;

  /**
   * The first edges of each node's list, greatest position first: those of a position, greatest id first. An edge's source is the node, also backward. Together they may
   * be `limits.edgesPerCall`.
   */
  newest(list: NewestOf, ids: BigInt64Array, options?: ReadOptions): Promise<readonly (readonly Edge[])[]>;

  select(query: Query, page: PageRequest, options?: ReadOptions): Promise<IdPage>;
  /** Answers a page and says how: plan, estimate, shards touched, rows read. */
  explain(query: Query, page: PageRequest, options?: ReadOptions): Promise<Explanation>;
  /** Exact for a term without destination ids; for anything else the size of the drained result, or an estimate where that is large. */
  count(query: Query, options?: ReadOptions): Promise<bigint>;
  selectEdges(term: Term, page: PageRequest, options?: ReadOptions): Promise<EdgePage>;

  locate(graphId: number, id: bigint): readonly NodeLocation[];
  journal(): Promise<JournalStatus>;
  /** The time of the journal's clock, by which `WriteOptions.identity` ends, or a little before. */
  journalTime(options?: ReadOptions): Promise<Micros>;
}
