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
 * The social graph as a library; the RPC server exposes it. Every method throws RoostError: `NotFound` for an unknown
 * graph, `InvalidArgument` for bad input, `Unavailable` if no replica can answer, `DeadlineExceeded`, `Overloaded` if
 * the journal is full.
 */
export interface FlockService {
  graphs(): readonly GraphInfo[];
  graph(name: string): GraphInfo;

  /** Accepts all writes or none. Idempotent and commutative. */
  write(writes: EdgeWrites, options?: WriteOptions): Promise<void>;
  /**
   * Accepts any number of edges and mass operations, all or none. `materialized` waits for the edges in both
   * directions, and for mass operations until they hold for every later write; the node's edges follow page by page.
   */
  execute(batch: WriteBatch, options?: WriteOptions): Promise<void>;

  /** The state of each pair (source i, destination i); undefined if the edge never existed. */
  states(
    graphId: number,
    sourceIds: BigInt64Array,
    destinationIds: BigInt64Array,
    options?: ReadOptions,
  ): Promise<readonly (EdgeState | undefined)[]>;
  /** The edge of each pair; undefined if it never existed. */
  edges(
    graphId: number,
    sourceIds: BigInt64Array,
    destinationIds: BigInt64Array,
    options?: ReadOptions,
  ): Promise<readonly (Edge | undefined)[]>;
  /** Undefined for a node that was never written. */
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
   * The first edges of each node's list, by position and then id, greatest first. The node is each edge's source,
   * backward too. At most `limits.edgesPerCall` in all.
   */
  newest(list: NewestOf, ids: BigInt64Array, options?: ReadOptions): Promise<readonly (readonly Edge[])[]>;

  select(query: Query, page: PageRequest, options?: ReadOptions): Promise<IdPage>;
  /** A page, and how it was found: plan, estimate, shards touched, rows read. */
  explain(query: Query, page: PageRequest, options?: ReadOptions): Promise<Explanation>;
  /**
   * Exact for a term without destination ids; otherwise the size of the drained result, or an estimate if it is
   * large.
   */
  count(query: Query, options?: ReadOptions): Promise<bigint>;
  selectEdges(term: Term, page: PageRequest, options?: ReadOptions): Promise<EdgePage>;

  locate(graphId: number, id: bigint): readonly NodeLocation[];
  journal(): Promise<JournalStatus>;
  /** The present time of the journal's clock, which `WriteOptions.identity` refers to; slightly behind at most. */
  journalTime(options?: ReadOptions): Promise<Micros>;
}
