/** The names that the kinds of jobs carry in the journal. */
export const jobKinds = {
  /** Writes of single edges, each for both its rows. */
  edges: 'flock.edges',
  /** What one end of some edges knows, for the rows at their other ends. */
  rows: 'flock.rows',
  /** A mass operation on a node. */
  node: 'flock.node',
  /** Bringing a page of a node's edges up to date, on one leaf. */
  sweep: 'flock.sweep',
  /** Counting a node's edges anew, on one leaf. */
  recount: 'flock.recount',
} as const;
