/** The effect on an operation at a leaf: it takes place, fails, or is silently skipped. */
export const behaviors = ['allow', 'deny', 'ignore'] as const;
export type Behavior = (typeof behaviors)[number];

/** Along a path from root to leaf, the strongest counts: ignore over deny over allow. */
export const stronger = (a: Behavior, b: Behavior): Behavior => (behaviors.indexOf(a) >= behaviors.indexOf(b) ? a : b);

/** Of two paths to one leaf, the one that lets more through counts. */
export const weaker = (a: Behavior, b: Behavior): Behavior => (stronger(a, b) === a ? b : a);

/** An inner node of a replication tree: its effect on everything below it. */
export interface NodeType {
  readonly name: string;
  readonly read: Behavior;
  readonly write: Behavior;
  /**
   * Whether its children are replicas that share reads by weight, so that a child of weight 0 is not read. Other
   * nodes usually have one child.
   */
  readonly replicates: boolean;
}
