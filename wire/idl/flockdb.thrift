/*
 * The FlockDB service, as clients of 2010 know it: names, field numbers and types are fixed.
 * Every `ids` field, and every other binary field of ids, is packed little-endian signed 64-bit integers.
 */
namespace rb Flock.Edges
namespace py flockdb
namespace js flockdb

exception FlockException {
  1: string description
}

/*
 * A page of ids. A cursor of 0 ends; prev_cursor is negative, and 0 where nothing precedes the page.
 * partial, which clients of 2010 skip: the query's budget ended before the page was full; next_cursor goes on from there.
 */
struct Results {
  1: binary ids
  2: i64 next_cursor
  3: i64 prev_cursor
  4: optional bool partial
}

/* cursor: -1 asks for the first page; a negative one pages backwards. */
struct Page {
  1: i32 count
  2: i64 cursor
}

/* A node in the forward direction. state_id: its color. count: its edges in that state. updated_at: the newest mass operation, in seconds. */
struct Metadata {
  1: i64 source_id
  2: i32 state_id
  3: i32 count
  4: i32 updated_at
}

/* updated_at: seconds. count: always 0; kept for old clients. */
struct Edge {
  1: i64 source_id
  2: i64 destination_id
  3: i64 position
  4: i32 updated_at
  5: i32 count
  6: i32 state_id
}

enum SelectOperationType {
  SimpleQuery = 1
  Intersection = 2
  Union = 3
  Difference = 4
}

enum ExecuteOperationType {
  Add = 1
  Remove = 2
  Archive = 3
  Negate = 4
}

enum EdgeState {
  Positive = 0
  Removed = 1
  Archived = 2
  Negative = 3
}

enum Priority {
  Low = 1
  Medium = 2
  High = 3
}

/*
 * The edges of one node. destination_ids absent: all of them. state_ids absent or empty: Positive.
 * min_position and max_position, unknown in 2010: only edges at positions from here to there, both inclusive.
 */
struct QueryTerm {
  1: i64 source_id
  2: i32 graph_id
  3: bool is_forward
  4: optional binary destination_ids
  5: optional list<i32> state_ids
  6: optional i64 min_position
  7: optional i64 max_position
}

/* One step of a postfix program: a term (SimpleQuery), or an operator on the two results before it. */
struct SelectOperation {
  1: SelectOperationType operation_type
  2: optional QueryTerm term
}

/* A term without destination_ids is a mass operation: on all edges that the node has in the term's direction. */
struct ExecuteOperation {
  1: ExecuteOperationType operation_type
  2: QueryTerm term
  3: optional i64 position
}

/* execute_at: seconds; absent: now, each operation a little later than the one before. */
struct ExecuteOperations {
  1: list<ExecuteOperation> operations
  2: optional i32 execute_at
  3: Priority priority
}

struct SelectQuery {
  1: list<SelectOperation> operations
  2: Page page
}

struct EdgeQuery {
  1: QueryTerm term
  2: Page page
}

struct EdgeResults {
  1: list<Edge> edges
  2: i64 next_cursor
  3: i64 prev_cursor
}

service FlockDB {
  /* Whether the edge is positive or negative. */
  bool contains(1: i64 source_id, 2: i32 graph_id, 3: i64 destination_id) throws (1: FlockException ex)

  /* The edge in whatever state; raises where there has never been one. */
  Edge get(1: i64 source_id, 2: i32 graph_id, 3: i64 destination_id) throws (1: FlockException ex)

  /* Raises where nothing was ever written of the node. */
  Metadata get_metadata(1: i64 source_id, 2: i32 graph_id) throws (1: FlockException ex)

  bool contains_metadata(1: i64 source_id, 2: i32 graph_id) throws (1: FlockException ex)

  /* Runs the queries in parallel; one that fails fails the call. */
  list<Results> select2(1: list<SelectQuery> queries) throws (1: FlockException ex)

  /* Packed little-endian i32, one a query. The count of a compound query is an estimate. */
  binary count2(1: list<list<SelectOperation>> queries) throws (1: FlockException ex)

  list<EdgeResults> select_edges(1: list<EdgeQuery> queries) throws (1: FlockException ex)

  /* Returns once the operations are in the journal: all of them, or none. */
  void execute(1: ExecuteOperations operations) throws (1: FlockException ex)

  /* Older forms of count2 and select2. */
  i32 count(1: list<SelectOperation> operations) throws (1: FlockException ex)
  Results select(1: list<SelectOperation> operations, 2: Page page) throws (1: FlockException ex)
}
