import { nodeType } from '../nodes/index.js';
import { shardKey, type ShardId, type ShardInfo } from '../topology/types.js';
import { concreteLeaves, templateOfTree, type ConcreteTree } from './concreteTree.js';
import type { ShardNames } from './shardNames.js';
import { checkTemplate, leafIdentity, leavesOf, type Template } from './template.js';
import type { From, To } from './stagedTrees.js';

/** The host name of routing nodes, which hold nothing. */
export const routingHost = 'localhost';
/** The longest base of a new name: suffixes still fit into a prefix of 54 characters. */
const maxBaseLength = 40;

/** A wanted tree, for the keys from a base id on. */
export interface WantedTree {
  readonly baseId: bigint;
  readonly template: Template;
}

/** Names the shards of a template. Existing leaves keep their names. */
export function wantedTree(
  { baseId, template }: WantedTree,
  same: From | undefined,
  stem: string,
  names: ShardNames,
): To {
  checkTemplate(template);
  const known = new Map(
    (same?.leaves ?? []).map(({ shard, read, write }) => [
      leafIdentity(templateOfTree({ shard, weight: 1, children: [] })),
      { shard, whole: read === 'allow' && write !== 'ignore' },
    ]),
  );
  const leafPrefix = names.freeEverywhere(
    stem,
    leavesOf(template)
      .filter((leaf) => !known.has(leafIdentity(leaf)))
      .map((leaf) => leaf.host!),
  );
  const filled: ShardInfo[] = [];
  const name = (node: Template): ConcreteTree => {
    if (node.host === undefined) {
      const replicating = nodeType(node.type)!.replicates;
      const shard = routingNode(
        node.type,
        names.free({ hostname: routingHost, tablePrefix: `${stem}_${replicating ? 'root' : node.type}` }),
      );
      return { shard, weight: node.weight, children: node.children.map(name) };
    }
    const existing = known.get(leafIdentity(node));
    const shard: ShardInfo = existing?.shard ?? {
      id: { hostname: node.host, tablePrefix: leafPrefix },
      type: node.type,
      attributes: node.attributes,
      busy: 'normal',
    };
    return { shard, weight: node.weight, children: [] };
  };
  const tree = name({ ...template, weight: 1 });
  const leaves = concreteLeaves(tree);
  const whole = new Set([...known.values()].filter((leaf) => leaf.whole).map(({ shard }) => shardKey(shard.id)));
  for (const { shard, write } of leaves) if (write !== 'ignore' && !whole.has(shardKey(shard.id))) filled.push(shard);
  return { baseId, tree, leaves, filled };
}

export const routingNode = (type: string, id: ShardId): ShardInfo => ({
  id,
  type,
  attributes: {},
  busy: 'normal',
});

/** The common stem of a tree's names, without the generation that an earlier migration added. */
export const stemOf = (from: From): string =>
  (from.leaves[0]?.shard ?? from.tree.shard).id.tablePrefix.replace(/_v\d+$/, '').slice(0, maxBaseLength);
