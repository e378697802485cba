/** The names that the kinds of jobs carry in the journal. */
export const jobKinds = {
  /** Writes of single edges, each to both of its rows. */
  edges: 'flock.edges',
  /** Registers of nodes, for the rows at the other ends of their edges. */
  rows: 'flock.rows',
  /** A mass operation on a node. */
  node: 'flock.node',
  /** Updates a page of a node's edges on one leaf. */
  sweep: 'flock.sweep',
  /** Recounts a node's edges on one leaf. */
  recount: 'flock.recount',
} as const;
