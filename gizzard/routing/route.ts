import type { SpanAttributes } from '../../core/index.js';
import { stronger, weaker, type Behavior } from '../nodes/index.js';
import type { ShardNode } from '../topology/shardGraph.js';
import { shardKey, type ShardInfo } from '../topology/types.js';

/** A shard with data, at the end of a path in a replication tree. */
export interface Leaf {
  readonly key: string;
  readonly shard: ShardInfo;
  readonly read: Behavior;
  readonly write: Behavior;
}

/** Attributes of a span of work on a leaf. */
export const spanOf = (leaf: Leaf, host: string): SpanAttributes => ({
  'roost.shard': leaf.key,
  'server.address': host,
});

/** A replication tree as linked. Ends have a `leaf`. */
export interface TreeNode {
  readonly shard: ShardInfo;
  /** Share of the reads among siblings: the link's weight, scaled by `readShare`. */
  readonly weight: number;
  /** The read weight of the leaf's host; for an inner node, the greatest below it. */
  readonly readShare: number;
  readonly children: readonly TreeNode[];
  readonly leaf: Leaf | undefined;
}

/** The leaves that an operation on a replication tree touches. Computed once for each topology. */
export interface Route {
  readonly root: ShardInfo;
  readonly tree: TreeNode;
  readonly leaves: readonly Leaf[];
  /** Leaves that take writes now. */
  readonly writable: readonly Leaf[];
  /** Leaves whose writes fail at present and must be retried. */
  readonly denied: readonly Leaf[];
  /**
   * Whether no path ends in a shard with data or passes a node that ignores writes on purpose: the tree is still to
   * be linked.
   */
  readonly leadsNowhere: boolean;
}

/**
 * If two paths lead to one leaf, as for a moment when a wrapper is removed, the one that lets more through counts. A
 * path without a leaf beside paths with one is a replica being set up.
 */
export function compileRoute(
  root: ShardNode,
  hostWeight: (hostname: string) => { readonly read: number; readonly write: number },
): Route {
  const leaves = new Map<ShardNode, { -readonly [Field in keyof Leaf]: Leaf[Field] }>();

  const visit = (node: ShardNode, linkWeight: number, read: Behavior, write: Behavior): TreeNode => {
    const { shard, type } = node;
    if (type === undefined) {
      const host = hostWeight(shard.id.hostname);
      const here = {
        key: shardKey(shard.id),
        shard,
        read: host.read === 0 ? stronger(read, 'deny') : read,
        write: host.write === 0 ? stronger(write, 'deny') : write,
      };
      const leaf = leaves.get(node) ?? here;
      leaf.read = weaker(leaf.read, here.read);
      leaf.write = weaker(leaf.write, here.write);
      leaves.set(node, leaf);
      return { shard, weight: linkWeight * host.read, readShare: host.read, children: [], leaf };
    }
    const children = node.below.map(({ child, link }) =>
      visit(
        child,
        link.weight,
        // A child of weight 0 is not read, nor is anything below it.
        stronger(stronger(read, type.read), type.replicates && link.weight === 0 ? 'deny' : 'allow'),
        stronger(write, type.write),
      ),
    );
    const readShare = Math.max(0, ...children.map((child) => child.readShare));
    return { shard, weight: linkWeight * readShare, readShare, children, leaf: undefined };
  };

  const tree = visit(root, 1, 'allow', 'allow');
  const all = [...leaves.values()];
  return {
    root: tree.shard,
    tree,
    leaves: all,
    writable: all.filter((leaf) => leaf.write === 'allow'),
    denied: all.filter((leaf) => leaf.write === 'deny'),
    leadsNowhere: !root.takesWrites,
  };
}

/**
 * The leaves that a read may ask, in order: at each replicating node the children in weighted random order without
 * replacement (Efraimidis and Spirakis 2006: sort by −ln(u)/weight). Current leaves on healthy hosts come first, then
 * lagging ones, then those on hosts that are down.
 */
export function readOrder(
  route: Route,
  isHealthy: (hostname: string) => boolean,
  isCurrent: (leaf: string) => boolean = always,
  random: () => number = Math.random,
): Leaf[] {
  const ordered: Leaf[] = [];
  const visit = (node: TreeNode): void => {
    if (node.leaf !== undefined) {
      if (node.leaf.read === 'allow' && !ordered.includes(node.leaf)) ordered.push(node.leaf);
      return;
    }
    if (node.children.length === 1) {
      visit(node.children[0]!);
      return;
    }
    const key = (child: TreeNode): number => -Math.log(1 - random()) / Math.max(child.weight, Number.MIN_VALUE);
    if (node.children.length === 2) {
      // The usual tree: nothing to sort.
      const [first, second] = node.children as [TreeNode, TreeNode];
      const inOrder = key(first) <= key(second);
      visit(inOrder ? first : second);
      visit(inOrder ? second : first);
      return;
    }
    const keyed = node.children.map((child) => ({ child, key: key(child) }));
    keyed.sort((a, b) => a.key - b.key);
    for (const { child } of keyed) visit(child);
  };
  visit(route.tree);
  if (ordered.length < 2) return ordered;
  const rank = (leaf: Leaf): number => (!isHealthy(leaf.shard.id.hostname) ? 2 : isCurrent(leaf.key) ? 0 : 1);
  const ranks = ordered.map(rank);
  if (ranks.every((each) => each === 0)) return ordered;
  return [0, 1, 2].flatMap((wanted) => ordered.filter((_, i) => ranks[i] === wanted));
}

const always = (): boolean => true;
