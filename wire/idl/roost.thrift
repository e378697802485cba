/*
 * Roost's own methods beside FlockDB's, on the same port. Many edges travel as columns: entry i of each column belongs
 * to edge i. Columns of ids, positions and times are packed little-endian signed 64-bit integers; times are microseconds.
 */
include "flockdb.thrift"

namespace rb Roost.Flock
namespace py roost
namespace js roost

/*
 * code: InvalidArgument, NotFound, AlreadyExists, FailedPrecondition, Unavailable, DeadlineExceeded, Overloaded, Conflict,
 * DataLoss, Unauthenticated, PermissionDenied or Internal; callers branch on it. fields: what the error is about. retryable: whether the same call may succeed later.
 */
exception RoostException {
  1: string code
  2: string description
  3: map<string, string> fields
  4: bool retryable
  5: optional i32 retry_after_ms
}

struct Graph {
  1: i32 id
  2: string name
}

/*
 * traceparent: the span of the caller, as W3C Trace Context writes it, sent only for traces that are sampled. Servers that keep
 * no traces ignore it.
 */
struct ReadOptions {
  1: optional i32 deadline_ms
  2: optional string traceparent
}

/* Journaled: answered once in the journal. Materialized: answered once applied in both directions. */
enum Acknowledgment {
  Journaled = 1
  Materialized = 2
}

/*
 * id: 16 random bytes, of one call, the same in each attempt at it: the write is accepted once. not_after: the last moment at which it may be accepted, in microseconds of
 * the journal's clock, which journal_time tells.
 */
struct WriteIdentity {
  1: binary id
  2: i64 not_after
}

/* identity absent: each time that the write comes it is accepted anew. traceparent: as in ReadOptions. */
struct WriteOptions {
  1: optional flockdb.Priority priority
  2: optional Acknowledgment acknowledgment
  3: optional i32 deadline_ms
  4: optional WriteIdentity identity
  5: optional string traceparent
}

/* operations: values of ExecuteOperationType, one byte for all edges or one for each. positions absent: the time of the write. times absent: now. */
struct EdgeWrites {
  1: i32 graph_id
  2: binary operations
  3: binary source_ids
  4: binary destination_ids
  5: optional binary positions
  6: optional binary times
}

/* A mass operation: on all edges that a node has in one direction, as of a time. time absent: now. */
struct NodeWrite {
  1: i32 graph_id
  2: i64 id
  3: bool is_forward
  4: flockdb.ExecuteOperationType operation
  5: optional i64 time
}

/* One of the two. */
struct BatchWrite {
  1: optional EdgeWrites edges
  2: optional NodeWrite node
}

/*
 * colors: one byte a node, 0 where nothing was ever written of it, else 1 + the rank of its color. colored_at and removed_through:
 * microseconds; removed_through is -1 where there was no mass removal. counts: four i64 a node, by rank.
 */
struct NodeColumns {
  1: binary colors
  2: binary colored_at
  3: binary removed_through
  4: binary counts
}

/* One statement of a query. kind: scan, page, probe or node. */
struct ExplainStep {
  1: string kind
  2: string shard
  3: string host
  4: i32 asked
  5: i32 rows
  6: double took_ms
}

struct Explanation {
  1: string plan
  2: i64 estimate
  3: flockdb.Results page
  4: i32 rows_read
  5: double took_ms
  6: list<ExplainStep> steps
}

/*
 * states: one byte an edge, 0 where there has never been one, else 1 + its rank (normal 0, negative 1, archived 2, removed 3).
 * positions and times hold 0 where there has never been an edge.
 */
struct EdgeColumns {
  1: binary states
  2: binary positions
  3: binary times
}

struct EdgePage {
  1: binary source_ids
  2: binary destination_ids
  3: EdgeColumns columns
  4: i64 next_cursor
  5: i64 prev_cursor
}

/* state_ids: FlockDB's numbers; none means normal ones. count: the most edges of each node. */
struct NewestQuery {
  1: i32 graph_id
  2: bool is_forward
  3: list<i32> state_ids
  4: binary ids
  5: i32 count
}

/* The lists of some nodes, one behind the other. lengths: an i64 a node, how many edges its list has. other_ids: the edges' other ends. */
struct EdgeLists {
  1: binary lengths
  2: binary other_ids
  3: EdgeColumns columns
}

/* Behaviors: allow, deny or ignore. */
struct Leaf {
  1: string shard
  2: string host
  3: string read_behavior
  4: string write_behavior
}

/* Where one node of a graph lives in one direction. leaves: in the order of the tree. */
struct NodeLocation {
  1: bool is_forward
  2: i32 table_id
  3: i64 hash
  4: i64 base_id
  5: string root_shard
  6: list<Leaf> leaves
}

/* Whom a client has reached, and where the same server's other services are. What a server does not know is absent. */
struct ServerInfo {
  1: optional string cluster
  2: optional string version
  3: optional i32 flock_port
  4: optional i32 tbird_port
  5: optional i32 users_port
  6: optional i32 timeline_port
}

struct JournalStatus {
  1: i64 queued_high
  2: i64 queued_medium
  3: i64 queued_low
  4: i64 failing
  5: i64 bad
}

service RoostFlock extends flockdb.FlockDB {
  ServerInfo server_info() throws (1: RoostException ex)

  list<Graph> list_graphs() throws (1: RoostException ex)

  /* All of the writes are accepted, or none is. */
  void write_edges(1: EdgeWrites writes, 2: WriteOptions options) throws (1: RoostException ex)

  /* Edges and mass operations, in order: without times of their own, each counts as made after the one before. All are accepted, or none is. */
  void write_batch(1: list<BatchWrite> writes, 2: WriteOptions options) throws (1: RoostException ex)

  /* One byte a pair, as in EdgeColumns.states. */
  binary edge_states(1: i32 graph_id, 2: binary source_ids, 3: binary destination_ids, 4: ReadOptions options) throws (1: RoostException ex)

  EdgeColumns edges(1: i32 graph_id, 2: binary source_ids, 3: binary destination_ids, 4: ReadOptions options) throws (1: RoostException ex)

  /* Four i64 a node: how many edges are normal, negative, archived, removed. */
  binary counts(1: i32 graph_id, 2: bool is_forward, 3: binary ids, 4: ReadOptions options) throws (1: RoostException ex)

  NodeColumns nodes(1: i32 graph_id, 2: bool is_forward, 3: binary ids, 4: ReadOptions options) throws (1: RoostException ex)

  flockdb.Results select_page(1: flockdb.SelectQuery query, 2: ReadOptions options) throws (1: RoostException ex)

  /* Runs the queries in parallel; one that fails fails the call. */
  list<flockdb.Results> select_pages(1: list<flockdb.SelectQuery> queries, 2: ReadOptions options) throws (1: RoostException ex)

  /* Answers a page, and says how it was found. */
  Explanation explain(1: flockdb.SelectQuery query, 2: ReadOptions options) throws (1: RoostException ex)

  i64 count_query(1: list<flockdb.SelectOperation> operations, 2: ReadOptions options) throws (1: RoostException ex)

  /* The first edges of each node's list, greatest position first. */
  EdgeLists newest_edges(1: NewestQuery query, 2: ReadOptions options) throws (1: RoostException ex)

  EdgePage select_edge_page(1: flockdb.EdgeQuery query, 2: ReadOptions options) throws (1: RoostException ex)

  list<NodeLocation> locate(1: i32 graph_id, 2: i64 id) throws (1: RoostException ex)

  JournalStatus journal_status() throws (1: RoostException ex)

  /* Microseconds since 1970 on the journal's clock, or a little before. A server that does not know the method knows no identities of writes. */
  i64 journal_time(1: ReadOptions options) throws (1: RoostException ex)
}
