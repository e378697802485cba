import { nodeType } from '../nodes/index.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import { concreteLeaves, type ConcreteLeaf, type ConcreteTree } from './concreteTree.js';

/** A tree that keys leave. */
export interface From {
  readonly baseId: bigint;
  readonly tree: ConcreteTree;
  readonly leaves: readonly ConcreteLeaf[];
}

/** A tree that keys go to. */
export interface To {
  readonly baseId: bigint;
  readonly tree: ConcreteTree;
  readonly leaves: readonly ConcreteLeaf[];
  /** Leaves to fill, and to keep up to date until they are read. */
  readonly filled: readonly ShardInfo[];
}

/** Keys that share a tree before and after. */
export interface Interval {
  readonly baseId: bigint;
  readonly end: bigint;
  readonly from: From;
  readonly to: To;
  /** The replicating node above both trees while keys move from one to the other. */
  readonly stage: ShardInfo;
}

/** The old tree, with the leaves that are being filled beside it, written and not read; including leaves that it holds but does not write. */
export function stagedTree({ from, to, stage }: Interval): ConcreteTree {
  const written = new Set(from.leaves.filter((leaf) => leaf.write === 'allow').map((leaf) => shardKey(leaf.shard.id)));
  const fresh = to.filled.filter((shard) => !written.has(shardKey(shard.id)));
  return beside(stage, prune(from.tree, new Set(fresh.map((shard) => shardKey(shard.id)))), fresh);
}

/** The new tree, with the leaves that a rollback needs beside it, written and not read. */
export function settledTree({ from, to, stage }: Interval): ConcreteTree {
  const old = from.leaves.filter((leaf) => leaf.write !== 'ignore').map((leaf) => leaf.shard);
  const inOld = new Set(old.map((shard) => shardKey(shard.id)));
  const skipped = to.leaves.filter((leaf) => leaf.write === 'ignore' && inOld.has(shardKey(leaf.shard.id)));
  const tree = prune(to.tree, new Set(skipped.map((leaf) => shardKey(leaf.shard.id))));
  const present = new Set(tree === undefined ? [] : concreteLeaves(tree).map((leaf) => shardKey(leaf.shard.id)));
  return beside(
    stage,
    tree,
    old.filter((shard) => !present.has(shardKey(shard.id))),
  );
}

/** A tree below a stage, which replaces a replicating root, and leaves of weight 0. */
const beside = (stage: ShardInfo, tree: ConcreteTree | undefined, leaves: readonly ShardInfo[]): ConcreteTree => ({
  shard: stage,
  weight: 1,
  children: [
    ...(tree === undefined ? [] : replicates(tree) ? tree.children : [tree]),
    ...leaves.map((shard) => ({ shard, weight: 0, children: [] })),
  ],
});

/** The tree that remains; a replicating root keeps the stage's name. */
export const finalTree = ({ tree }: To, stage: ShardInfo): ConcreteTree =>
  replicates(tree) ? { ...tree, shard: stage } : tree;

/** The tree without some leaves, and without nodes that become empty. */
function prune(tree: ConcreteTree, leaves: ReadonlySet<string>): ConcreteTree | undefined {
  if (leaves.size === 0) return tree;
  if (nodeType(tree.shard.type) === undefined) return leaves.has(shardKey(tree.shard.id)) ? undefined : tree;
  const children = tree.children.map((child) => prune(child, leaves)).filter((child) => child !== undefined);
  return children.length === 0 && tree.children.length > 0 ? undefined : { ...tree, children };
}

export const replicates = (tree: ConcreteTree): boolean => nodeType(tree.shard.type)?.replicates === true;
