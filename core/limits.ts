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
  /** Queries in one call. They run in parallel, so this also bounds what one caller can take of the pools. */
  queriesPerCall: 1_000,
  /** Terms of one compound query. */
  termsPerQuery: 256,
  /** A Thrift message. A larger one closes the connection before it is read. */
  messageBytes: 16 * 1024 * 1024,
  /** The deadline of a request that does not bring one, and the longest one that is accepted. */
  defaultDeadlineMs: 5_000,
  maxDeadlineMs: 600_000,
} as const;

if (limits.idsPerCall * 8 > limits.messageBytes || limits.operationsPerWrite * 33 > limits.messageBytes) {
  throw new Error('limits: a call within its own limits would not fit a message');
}
