/**
 * Every fixed bound of Roost, with its reason. What an operator may change stands in the configuration instead.
 */
export const limits = {
  /** Operations in one write call: a journal entry stays well under a megabyte, and one call cannot fill a queue. */
  operationsPerWrite: 10_000,
  /** Ids in one term's destination list, pairs in one membership call, nodes in one counts call. */
  idsPerCall: 10_000,
  /** Entries of one page. 5,000 rows take a few milliseconds and 40 KB on the wire. */
  pageSize: 10_000,
  /** Edges that the lists of one call may have together: 8 MB on the wire. */
  edgesPerCall: 300_000,
  /** Rows that a compound query may read for one page: about a second's work. Past it the page is partial. */
  rowsPerQuery: 1_000_000,
  /** Queries in one call. They run in parallel, so this also bounds what one caller can take of the pools. */
  queriesPerCall: 1_000,
  /** Terms of one compound query. */
  termsPerQuery: 256,
  /** A Thrift message. A larger one closes the connection before it is read. */
  messageBytes: 16 * 1024 * 1024,
  /** Structs, lists and maps inside one another in a Thrift message; our services need 8. */
  messageDepth: 64,
  /** What a server holds of requests that are incomplete or not yet answered, over all connections. Past it, whoever sends more is closed. */
  serverRequestBytes: 256 * 1024 * 1024,
  /** Clients of one server at a time. Each costs a descriptor and a few kilobytes. */
  serverConnections: 4_096,
  /** Requests that a server works on at a time, in all and for one connection; past it they are refused with `Overloaded`. */
  serverInFlight: 4_096,
  connectionInFlight: 1_024,
  /** A connection is closed when for this long no whole request came and none was being answered. */
  connectionIdleMs: 600_000,
  /** Calls that a client has in flight on one connection, and those that may wait behind them; past that a call fails with `Overloaded`. */
  clientInFlight: 256,
  clientWaiting: 16_384,
  /** Single reads by id that a client gathers into one call. */
  gatheredIds: 500,
  /** How long a client waits for a connection before it looks at the next server. */
  connectTimeoutMs: 1_000,
  /** Edges in one call of a client's bulk write, and such calls in flight. One journal entry each; larger ones no longer cost less an edge. */
  bulkWriteEdges: 1_000,
  bulkWriteInFlight: 8,
  /** Payloads on their way to the journal's Redis, which may hang; past it writes are refused with `Overloaded`. Room for several of the largest messages. */
  journalInFlightBytes: 64 * 1024 * 1024,
  /** Characters of a tweet, as code points of its normal form C; the bytes of its extra JSON. */
  tweetCharacters: 280,
  tweetExtraBytes: 4_096,
  /** Tweets in one create: with full texts and extras such a call stays well under a message. */
  tweetsPerCall: 1_000,
  /** A create's time, often in whole seconds, may differ by this from that of its id. */
  createdAtToleranceMs: 2_000,
  /** An id of a time further ahead than this is a mistake, or of a clock that is wrong. */
  idAheadToleranceMs: 10_000,
  /** The deadline of a request that does not bring one, and the longest one that is accepted. */
  defaultDeadlineMs: 5_000,
  maxDeadlineMs: 600_000,
} as const;

if (limits.idsPerCall * 8 > limits.messageBytes || limits.operationsPerWrite * 33 > limits.messageBytes) {
  throw new Error('limits: a call within its own limits would not fit a message');
}
if (limits.messageBytes >= 2 ** 31 || limits.serverRequestBytes < 2 * limits.messageBytes) {
  throw new Error('limits: a frame must not look like an unframed message, and a server must hold at least two messages');
}
