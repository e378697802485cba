import { nodeType, stronger, type Behavior } from '../nodes/index.js';
import type { Topology } from '../topology/topology.js';
import {
  emptyTopology,
  shardKey,
  type Forwarding,
  type Link,
  type ShardId,
  type ShardInfo,
  type TopologyState,
} from '../topology/types.js';
import type { Template } from './template.js';

/** A tree of named shards. */
export interface ConcreteTree {
  readonly shard: ShardInfo;
  readonly weight: number;
  readonly children: readonly ConcreteTree[];
}

/** A leaf with the effect of its path on reads and writes; hosts' weights, which are temporary, do not count. */
export interface ConcreteLeaf {
  readonly shard: ShardInfo;
  readonly read: Behavior;
  readonly write: Behavior;
}

export const concreteTree = (topology: Topology, id: ShardId, weight = 1): ConcreteTree => ({
  shard: topology.shard(id),
  weight,
  children: topology.children(id).map((link) => concreteTree(topology, link.child, link.weight)),
});

/** The shape of a tree. */
export function templateOfTree({ shard, weight, children }: ConcreteTree): Template {
  const isLeaf = nodeType(shard.type) === undefined;
  return {
    type: shard.type,
    weight,
    ...(isLeaf ? { host: shard.id.hostname } : {}),
    attributes: isLeaf ? shard.attributes : {},
    children: children.map(templateOfTree),
  };
}

export function concreteLeaves(
  tree: ConcreteTree,
  read: Behavior = 'allow',
  write: Behavior = 'allow',
): ConcreteLeaf[] {
  const type = nodeType(tree.shard.type);
  if (type === undefined) return [{ shard: tree.shard, read, write }];
  return tree.children.flatMap((child) =>
    concreteLeaves(
      child,
      stronger(stronger(read, type.read), type.replicates && child.weight === 0 ? 'deny' : 'allow'),
      stronger(write, type.write),
    ),
  );
}

/** The part of a topology that consists of some trees and their forwardings. */
export function partOfTopology(
  trees: readonly { readonly tableId: number; readonly baseId: bigint; readonly tree: ConcreteTree }[],
): TopologyState {
  const shards = new Map<string, ShardInfo>();
  const links = new Map<string, Link>();
  const forwardings: Forwarding[] = [];
  const visit = (tree: ConcreteTree): void => {
    shards.set(shardKey(tree.shard.id), tree.shard);
    for (const child of tree.children) {
      links.set(`${shardKey(tree.shard.id)} ${shardKey(child.shard.id)}`, {
        parent: tree.shard.id,
        child: child.shard.id,
        weight: child.weight,
      });
      visit(child);
    }
  };
  for (const { tableId, baseId, tree } of trees) {
    forwardings.push({ tableId, baseId, shard: tree.shard.id });
    visit(tree);
  }
  return { ...emptyTopology, shards: [...shards.values()], links: [...links.values()], forwardings };
}
