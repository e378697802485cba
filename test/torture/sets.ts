import type { Graph, NodeQuery } from '../../sdk/index.js';

/** A set of ids, as a query of graphs names it. */
export type IdSet =
  | { readonly kind: 'from' | 'to'; readonly node: bigint }
  | { readonly kind: 'intersect' | 'union' | 'difference'; readonly left: IdSet; readonly right: IdSet };

export const setText = (set: IdSet): string =>
  'node' in set
    ? `${set.kind}(${set.node})`
    : `(${setText(set.left)} ${{ intersect: '&', union: '|', difference: '-' }[set.kind]} ${setText(set.right)})`;

export const queryOf = (graph: Graph, set: IdSet): NodeQuery =>
  'node' in set ? graph[set.kind](set.node) : queryOf(graph, set.left)[set.kind](queryOf(graph, set.right));

/**
 * Whether an id may be in the set, or missing from it, in the answer of a query whose sets are read at different moments.
 *
 * @param edgeMayBe whether the edge may have been normal, or anything else, at any moment of the query
 */
export function mayBeIn(
  set: IdSet,
  id: bigint,
  there: boolean,
  edgeMayBe: (source: bigint, destination: bigint, normal: boolean) => boolean,
): boolean {
  if ('node' in set) return set.kind === 'from' ? edgeMayBe(set.node, id, there) : edgeMayBe(id, set.node, there);
  const left = mayBeIn(set.left, id, there, edgeMayBe);
  const right = mayBeIn(set.right, id, set.kind === 'difference' ? !there : there, edgeMayBe);
  // An id is in an intersection if both sets have it, and missing if either set lacks it; for a union it is the other
  // way around.
  return (set.kind === 'union') === there ? left || right : left && right;
}
