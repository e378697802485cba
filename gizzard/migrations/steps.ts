import type { MoveSpec } from '../moving/moveTask.js';
import type { PlanBasis } from './planBasis.js';
import type { Change } from '../topology/changes.js';
import type { ShardId, ShardInfo } from '../topology/types.js';

/** In their order. A migration rests before `cleanup` until somebody says to go on: until then it can be rolled back at once. */
export const phases = ['prepare', 'copy', 'verify', 'settle', 'cleanup'] as const;
export type Phase = (typeof phases)[number];

/** What a step does. Each may be repeated: what is done already changes nothing. */
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

/** One tree, or some neighboring ones of a split or merge, on their way from one shape to another. */
export interface MigrationPlan {
  readonly title: string;
  /** What it was made for: it is refused where that has changed. */
  readonly basis: PlanBasis;
  readonly steps: readonly PlannedStep[];
  /** Every shard that is there before or after: no other migration may touch them meanwhile. */
  readonly shards: readonly ShardId[];
  /** Shards that hold data now and are read for the copies. */
  readonly sources: readonly ShardInfo[];
  /** Leaves that are made, and where from. */
  readonly created: readonly ShardInfo[];
  /** Leaves that go at the end. */
  readonly dropped: readonly ShardInfo[];
}

/** How a retired shard's tables are called until they are dropped. */
const retiredSuffix = '_old';
export const retiredPrefix = (prefix: string): string => `${prefix}${retiredSuffix}`;
/** The prefix that tables had before they were retired; the same for those that are not. */
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

/** Copies that a plan makes: pages of rows that go over the network. */
export const copyCount = (plan: Pick<MigrationPlan, 'steps'>): number =>
  plan.steps.reduce((sum, { action }) => sum + (action.kind === 'copy' ? action.spec.targets.length : 0), 0);
