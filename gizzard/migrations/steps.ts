import type { MoveSpec } from '../moving/moveTask.js';
import type { PlanBasis } from './planBasis.js';
import type { Change } from '../topology/changes.js';
import type { ShardId, ShardInfo } from '../topology/types.js';

/**
 * The phases of a migration, in order. A migration rests before `cleanup` until it is told to continue; until then it
 * can be rolled back at once.
 */
export const phases = ['prepare', 'copy', 'verify', 'settle', 'cleanup'] as const;
export type Phase = (typeof phases)[number];

/** The action of a step. Idempotent. */
export type Action =
  | { readonly kind: 'createTables'; readonly shards: readonly ShardInfo[] }
  /** Sets tables aside, where they are kept for `moves.undropDays`. */
  | { readonly kind: 'dropTables'; readonly shards: readonly ShardInfo[] }
  /** Changes the topology as one, and waits until every server works with it. */
  | { readonly kind: 'change'; readonly changes: readonly Change[] }
  | { readonly kind: 'copy'; readonly spec: MoveSpec }
  /** Compares until nothing is missing from the targets, merging into them what is. */
  | { readonly kind: 'verify'; readonly spec: MoveSpec }
  /** Gives tables another name, so that a server that still writes to them fails and does its job again where they went. */
  | { readonly kind: 'retire'; readonly shards: readonly ShardInfo[] }
  | { readonly kind: 'nothing' };

export interface PlannedStep {
  readonly phase: Phase;
  readonly title: string;
  readonly precondition: string;
  readonly action: Action;
  readonly inverse: Action;
}

/** One tree, or neighboring trees of a split or merge, on the way from one shape to another. */
export interface MigrationPlan {
  readonly title: string;
  /** The trees that it was made for; it is refused once they have changed. */
  readonly basis: PlanBasis;
  readonly steps: readonly PlannedStep[];
  /** Every shard before or after: no other migration may touch them meanwhile. */
  readonly shards: readonly ShardId[];
  /** Shards with data that the copies read. */
  readonly sources: readonly ShardInfo[];
  /** Leaves to create, with their sources. */
  readonly created: readonly ShardInfo[];
  /** Leaves dropped at the end. */
  readonly dropped: readonly ShardInfo[];
}

/** The suffix of a retired shard's tables until they are dropped. */
const retiredSuffix = '_old';
export const retiredPrefix = (prefix: string): string => `${prefix}${retiredSuffix}`;
/** The prefix of tables before they were retired; unchanged for others. */
export const unretiredPrefix = (prefix: string): string =>
  prefix.endsWith(retiredSuffix) ? prefix.slice(0, -retiredSuffix.length) : prefix;
export const retired = (shard: ShardInfo): ShardInfo => ({
  ...shard,
  id: { ...shard.id, tablePrefix: retiredPrefix(shard.id.tablePrefix) },
});
export const unretired = (shard: ShardInfo): ShardInfo => ({
  ...shard,
  id: { ...shard.id, tablePrefix: unretiredPrefix(shard.id.tablePrefix) },
});

/** The number of copies in a plan, which send rows over the network. */
export const copyCount = (plan: Pick<MigrationPlan, 'steps'>): number =>
  plan.steps.reduce((sum, { action }) => sum + (action.kind === 'copy' ? action.spec.targets.length : 0), 0);
