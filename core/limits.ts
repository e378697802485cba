/** Every fixed bound of Roost, with its reason. Bounds that operators may change are in the configuration. */
export const limits = {
  /** Operations in one write call: a journal entry stays well below a megabyte, and one call cannot fill a queue. */
  operationsPerWrite: 10_000,
  /** Edges in one call with several writes: ten journal entries. FlockDB had no bound. */
  edgesPerBatch: 100_000,
  /** Ids in one term's destination list, pairs in one membership call, nodes in one counts call. */
  idsPerCall: 10_000,
  /** Entries of one page. 5,000 rows take a few milliseconds, and 40 KB on the wire. */
  pageSize: 10_000,
  /** Edges in all lists of one call: 8 MB on the wire. */
  edgesPerCall: 300_000,
  /** Rows that a compound query may read for one page: about a second's work. Beyond it the page is partial. */
  rowsPerQuery: 1_000_000,
  /**
   * Structs in a list of an answer. Making and encoding them takes 15 ms, and encoding is one turn of the event loop.
   * FlockDB's pages of edges are cut to it.
   */
  answerStructs: 40_000,
  /** Queries in one call. They run in parallel, so this also bounds one caller's share of the pools. */
  queriesPerCall: 1_000,
  /** Terms of one compound query. */
  termsPerQuery: 256,
  /** Size of a Thrift message. A larger one closes the connection before it is read. */
  messageBytes: 16 * 1024 * 1024,
  /** Depth of structs, lists and maps in a Thrift message; our services need 8. */
  messageDepth: 64,
  /**
   * What a server holds of incomplete requests, unanswered requests and unread answers, over all connections. Beyond
   * it, connections with incomplete requests or unread answers are closed, and whole requests are refused.
   */
  serverRequestBytes: 256 * 1024 * 1024,
  /** Requests of one connection that wait or run; further ones are refused with `Overloaded`. */
  connectionInFlight: 1_024,
  /**
   * Concurrent requests on one port, by kind, so that no kind takes another's room: materialized writes may wait as
   * long as their priority is paused, and background reads (scans, explanations, audits) take long. Further requests
   * wait for `queueMs` and are then refused with `Overloaded`. Reads: enough to keep one process busy; more would
   * only wait for the databases.
   */
  slots: { read: 256, background: 64, write: 1_024, materialized: 1_024, control: 256 },
  /** Requests that wait for their turn on one port: a few more than can start within `queueMs`. */
  queuedRequests: 1_024,
  /**
   * How long a request may wait for its turn, or for a database connection, before it is refused; shorter once the
   * queue has stood for `standingMs`.
   */
  queueMs: 25,
  standingQueueMs: 10,
  standingMs: 100,
  /** How long a call of the manager waits for earlier ones. */
  managerWaitMs: 30_000,
  /**
   * Time that a port spends on requests, and that all long work spends together, before answers of databases, timers
   * and new requests get their turn.
   */
  sliceMs: 5,
  /**
   * An incomplete request, or an answer that is not being read, closes its connection after this time: 8 MB at 7
   * Mbit/s.
   */
  incompleteMs: 10_000,
  /** A connection closes after this time without a whole request or a pending answer. */
  connectionIdleMs: 600_000,
  /**
   * Calls that a client has in flight on one connection, and calls that may wait for it; further ones fail with
   * `Overloaded`.
   */
  clientInFlight: 256,
  clientWaiting: 16_384,
  /** Single reads by id that a client gathers into one call. */
  gatheredIds: 500,
  /** How long a client waits for a connection before it looks at the next server. */
  connectTimeoutMs: 1_000,
  /**
   * Edges in one call of a client's bulk write, and concurrent calls. Each call is one journal entry; larger ones
   * cost no less per edge.
   */
  bulkWriteEdges: 1_000,
  bulkWriteInFlight: 8,
  /**
   * Payload of one job, which is parsed in one turn of the event loop. The largest honest one has 10,000 timeline
   * entries: 2.6 MB.
   */
  jobPayloadBytes: 3 * 1024 * 1024,
  /**
   * Payloads in flight to the journal's Redis, which may hang; beyond it writes are refused with `Overloaded`. Fits
   * several of the largest messages.
   */
  journalInFlightBytes: 64 * 1024 * 1024,
  /** Characters of a tweet, counted as code points in normal form C; bytes of its extra JSON. */
  tweetCharacters: 280,
  tweetExtraBytes: 4_096,
  /** Tweets in one create: even with full texts and extras the call fits a message. */
  tweetsPerCall: 1_000,
  /** Tweets in one job: a megabyte of JSON with full texts and extras. */
  tweetsPerJob: 200,
  /** Users that a tweet may mention. The mentions of a whole create fit one job of edges. */
  tweetMentions: 10,
  /** Allowed difference between a create's time, often in whole seconds, and the time in its id. */
  createdAtToleranceMs: 2_000,
  /** An id further ahead of the clock is a mistake, or comes from a wrong clock. */
  idAheadToleranceMs: 10_000,
  /** Timelines: bytes of a name, bytes of an entry, and entries that one call may write or read. */
  timelineNameBytes: 200,
  timelineEntryBytes: 256,
  timelineEntries: 10_000,
  /** Followed users that a page beyond the kept entries is merged from: the most recently followed ones. */
  followedPerRead: 100_000,
  /**
   * UTF-8 bytes of an error's text and of each field, which callers can make as large as they like; bytes of field
   * names, and their number.
   */
  errorTextBytes: 2_048,
  errorFieldNameBytes: 64,
  errorFields: 32,
  /**
   * UTF-8 bytes of one string in a call: names of hosts, shards, formats. Texts and columns are binaries, which each
   * method bounds.
   */
  stringBytes: 4_096,
  /**
   * Entries of one list or map in a call: above the limit of every method, so that methods report their own limits.
   */
  callEntries: 16_384,
  /**
   * Fields and entries of a whole call: 10,000 operations with every field have 220,000. Decoding a quarter of a
   * million takes 20 ms.
   */
  callValues: 250_000,
  /**
   * Size of the largest call of each service, rounded up: 10,000 single operations, or 50 lists of 10,000 ids; 10,000
   * topology changes; 10,000 users; jobs of a relay.
   */
  /** For services that name no bound. */
  leastRequestBytes: 4 * 1024 * 1024,
  flockRequestBytes: 4 * 1024 * 1024,
  managerRequestBytes: 4 * 1024 * 1024,
  usersRequestBytes: 6 * 1024 * 1024,
  injectorRequestBytes: 8 * 1024 * 1024,
  tbirdRequestBytes: 6 * 1024 * 1024,
  timelineRequestBytes: 4 * 1024 * 1024,
  /** JSON of one injected job other than a single long payload; it is parsed at once, in 10 ms. */
  jobJsonBytes: 1024 * 1024,
  /**
   * How long clients that send no deadline are assumed to wait for an answer. A server that was stopped for longer
   * refuses writes that may have arrived before.
   */
  undatedWriteWaitMs: 2_000,
  /** A write with a time further ahead than this is a mistake: it would win over every write until then. */
  timeAheadMs: 86_400_000,
  /**
   * The size of the file of identities; the interval at which it is checked for changes; the bytes that a connection
   * may send in one message before its caller is known: a token, with room; and the time for that.
   */
  accessFileBytes: 1024 * 1024,
  accessLookMs: 1_000,
  unknownCallerBytes: 4_096,
  unknownCallerMs: 10_000,
  /**
   * Connections to the admin port, in total and per address: few clients read its pages. Past either limit, the
   * connection that has been idle the longest is closed.
   */
  adminConnections: 256,
  adminConnectionsPerAddress: 64,
  /** Log lines per second that clients can cause by one kind of mistake, such as a wrong token. */
  clientLinesPerSecond: 10,
  /** How long running calls may take on a connection whose token was revoked. */
  revokedGraceMs: 5_000,
  /** Deadline of requests that bring none, and the longest deadline that is accepted. */
  defaultDeadlineMs: 5_000,
  maxDeadlineMs: 600_000,
} as const;

if (
  limits.idsPerCall * 8 > limits.messageBytes ||
  limits.operationsPerWrite * 33 > limits.messageBytes ||
  limits.edgesPerBatch * 33 > limits.messageBytes
) {
  throw new Error('limits: a call within its own limits would not fit a message');
}
if (limits.tweetsPerCall * limits.tweetMentions > limits.operationsPerWrite)
  throw new Error('limits: the mentions of the largest create would not fit a job');
if (limits.tweetsPerCall * (limits.tweetCharacters * 4 + limits.tweetExtraBytes + 128) > limits.tbirdRequestBytes) {
  throw new Error('limits: the largest create of tweets would not fit a request');
}
if ((limits.tbirdRequestBytes * 4) / 3 > limits.injectorRequestBytes) {
  throw new Error('limits: a create of tweets would not fit the injector of another cluster');
}
if (limits.messageBytes >= 2 ** 31 || limits.serverRequestBytes < 2 * limits.messageBytes) {
  throw new Error(
    'limits: a frame must not look like an unframed message, and a server must hold at least two messages',
  );
}
