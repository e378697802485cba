/**
 * Every fixed bound of Roost, with its reason. What an operator may change stands in the configuration instead.
 */
export const limits = {
  /** Operations in one write call: a journal entry stays well under a megabyte, and one call cannot fill a queue. */
  operationsPerWrite: 10_000,
  /** Edges in one call of several writes: ten entries of the journal. FlockDB's clients knew no bound. */
  edgesPerBatch: 100_000,
  /** Ids in one term's destination list, pairs in one membership call, nodes in one counts call. */
  idsPerCall: 10_000,
  /** Entries of one page. 5,000 rows take a few milliseconds and 40 KB on the wire. */
  pageSize: 10_000,
  /** Edges that the lists of one call may have together: 8 MB on the wire. */
  edgesPerCall: 300_000,
  /** Rows that a compound query may read for one page: about a second's work. Past it the page is partial. */
  rowsPerQuery: 1_000_000,
  /** Structs in a list of an answer: made and written in some 15 ms, and the writing is one turn of the event loop. FlockDB's pages of edges get shorter for it. */
  answerStructs: 40_000,
  /** Queries in one call. They run in parallel, so this also bounds what one caller can take of the pools. */
  queriesPerCall: 1_000,
  /** Terms of one compound query. */
  termsPerQuery: 256,
  /** A Thrift message. A larger one closes the connection before it is read. */
  messageBytes: 16 * 1024 * 1024,
  /** Structs, lists and maps inside one another in a Thrift message; our services need 8. */
  messageDepth: 64,
  /**
   * What a server holds of requests that are incomplete or not yet answered, and of answers that are not taken, over all connections. Past it, connections with
   * incomplete requests or untaken answers are closed, and whole requests are refused.
   */
  serverRequestBytes: 256 * 1024 * 1024,
  /** Requests of one connection that wait or are in work; past it they are refused with `Overloaded`. */
  connectionInFlight: 1_024,
  /**
   * Requests in work at a time on one port, by kind, so that no kind takes the room of another: materialized writes may wait for as long as their priority is
   * paused, and background reads (scans, explanations, audits) take long. Past it they wait for `queueMs` and are then refused with `Overloaded`. Reads: what keeps one process busy;
   * more would only wait for the databases, where they have cost something already.
   */
  slots: { read: 256, background: 64, write: 1_024, materialized: 1_024, control: 256 },
  /** Requests that wait for their turn on one port: some more than are started within `queueMs`. */
  queuedRequests: 1_024,
  /** How long a request may wait for its turn, or for a connection to a database host, before it is refused; and when others have stood there for `standingMs`. */
  queueMs: 25,
  standingQueueMs: 10,
  standingMs: 100,
  /** How long a call of the manager waits for those before it. */
  managerWaitMs: 30_000,
  /** What a port works on requests, and all long work together, before answers of databases, timers and new requests have their turn. */
  sliceMs: 5,
  /** An incomplete request, or an answer of which nothing is taken, closes its connection after this: 8 MB at 7 Mbit/s. */
  incompleteMs: 10_000,
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
  /** The payload of one job, which is read in one turn of the event loop. The largest honest one is of 10,000 entries of a timeline: 2.6 MB. */
  jobPayloadBytes: 3 * 1024 * 1024,
  /** Payloads on their way to the journal's Redis, which may hang; past it writes are refused with `Overloaded`. Room for several of the largest messages. */
  journalInFlightBytes: 64 * 1024 * 1024,
  /** Characters of a tweet, as code points of its normal form C; the bytes of its extra JSON. */
  tweetCharacters: 280,
  tweetExtraBytes: 4_096,
  /** Tweets in one create: with full texts and extras such a call stays well under a message. */
  tweetsPerCall: 1_000,
  /** Tweets in one job: with full texts and extras a megabyte of JSON. */
  tweetsPerJob: 200,
  /** Users that a tweet names. Those of the most tweets of a create fit one job of edges. */
  tweetMentions: 10,
  /** A create's time, often in whole seconds, may differ by this from that of its id. */
  createdAtToleranceMs: 2_000,
  /** An id of a time further ahead than this is a mistake, or of a clock that is wrong. */
  idAheadToleranceMs: 10_000,
  /** Of a timeline: its name, one of its entries, and how many entries one call may bring or read. */
  timelineNameBytes: 200,
  timelineEntryBytes: 256,
  timelineEntries: 10_000,
  /** Of those whom a reader follows: how many a page behind the kept entries is merged from; the latest that were followed. */
  followedPerRead: 100_000,
  /** UTF-8 of an error's text and of each of its fields, which callers may have made as large as they like; names of fields, and their number. */
  errorTextBytes: 2_048,
  errorFieldNameBytes: 64,
  errorFields: 32,
  /** UTF-8 of one string in a call: names of hosts, shards, formats. Texts and columns are binaries, which each method bounds. */
  stringBytes: 4_096,
  /** Entries of one list or map in a call: above what any method takes, so that methods tell their own limits. */
  callEntries: 16_384,
  /** Fields and entries in a call, all together: 10,000 operations with every field take 220,000. A quarter of a million are read in some 20 ms. */
  callValues: 250_000,
  /** The largest calls of each service, rounded up: 10,000 operations one by one, or 50 lists of 10,000 ids; 10,000 changes of a topology; 10,000 users; jobs of a relay. */
  /** Of a service that names no bound of its own. */
  leastRequestBytes: 4 * 1024 * 1024,
  flockRequestBytes: 4 * 1024 * 1024,
  managerRequestBytes: 4 * 1024 * 1024,
  usersRequestBytes: 6 * 1024 * 1024,
  injectorRequestBytes: 8 * 1024 * 1024,
  tbirdRequestBytes: 6 * 1024 * 1024,
  timelineRequestBytes: 4 * 1024 * 1024,
  /** JSON of one injected job that is not one long payload, parsed in one go, in some 10 ms. */
  jobJsonBytes: 1024 * 1024,
  /** What a client of a write without a deadline is taken to wait for an answer: a server that did not run for so long refuses what may have come before. */
  undatedWriteWaitMs: 2_000,
  /** A time of a write further ahead than this is a mistake of the caller's, and would win over every write until then. */
  timeAheadMs: 86_400_000,
  /** The file of identities; how often it is looked at; what a connection may send in one message before it is known who it is: a token, with room; and how long it may take to say so. */
  accessFileBytes: 1024 * 1024,
  accessLookMs: 1_000,
  unknownCallerBytes: 4_096,
  unknownCallerMs: 10_000,
  /** Connections to the admin port, and those of one address: pages are looked at by few. Past either, the connection that has been idle the longest makes room. */
  adminConnections: 256,
  adminConnectionsPerAddress: 64,
  /** How long the calls in work of a connection whose token was revoked may take. */
  revokedGraceMs: 5_000,
  /** The deadline of a request that does not bring one, and the longest one that is accepted. */
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
