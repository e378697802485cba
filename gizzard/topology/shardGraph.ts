import { nodeType, type NodeType } from '../nodes/index.js';
import { checkInt32, checkText, unsound } from './checks.js';
import { shardKey, validShardId, type Link, type ShardId, type ShardInfo } from './types.js';

/** A link, with what it links. */
export interface Edge {
  readonly link: Link;
  readonly parent: ShardNode;
  readonly child: ShardNode;
}

/** A shard with its place among the others. */
export interface ShardNode {
  readonly shard: ShardInfo;
  /** Undefined for a shard that holds data. */
  readonly type: NodeType | undefined;
  readonly above: readonly Edge[];
  readonly below: readonly Edge[];
  /** Nodes of the tree from here down; a shard that several paths lead to counts for each. */
  readonly treeSize: number;
  /** Whether something becomes of a write: a path ends in a shard that holds data, or leads through a node that means to ignore it. */
  readonly takesWrites: boolean;
}

interface GrowingEdge extends Edge {
  readonly parent: GrowingNode;
  readonly child: GrowingNode;
}

class GrowingNode implements ShardNode {
  readonly type: NodeType | undefined;
  above = noEdges;
  below = noEdges;
  treeSize = 0;
  takesWrites = false;
  /** Children that are not measured yet. */
  waitsFor = 0;

  constructor(readonly shard: ShardInfo) {
    this.type = nodeType(shard.type);
  }
}

const noEdges: GrowingEdge[] = [];
/** Most shards have one or two edges on a side, and `push` would make room for seventeen. */
const withEdge = (edges: GrowingEdge[], edge: GrowingEdge): GrowingEdge[] => {
  if (edges.length < 4) return [...edges, edge];
  edges.push(edge);
  return edges;
};

/**
 * The shards of a topology, linked to each other. They are found by host and then by prefix: with hundreds of thousands of them, most of the
 * time would go into joining the two into keys.
 */
export class ShardGraph {
  readonly #byHost = new Map<string, Map<string, GrowingNode>>();

  /** Throws `FailedPrecondition` for links to nowhere, below data or in a circle, and `InvalidArgument` for what can never be stored. */
  constructor(shards: readonly ShardInfo[], links: readonly Link[]) {
    for (const shard of shards) this.#add(shard);
    for (const link of links) this.#link(link);
    this.#measure();
  }

  find(id: ShardId): ShardNode | undefined {
    return this.#find(id);
  }

  #find({ hostname, tablePrefix }: ShardId): GrowingNode | undefined {
    return this.#byHost.get(hostname)?.get(tablePrefix);
  }

  #add(shard: ShardInfo): void {
    const { hostname, tablePrefix } = validShardId(shard.id);
    checkText(shard.type, 1, 64, () => `the type of shard ${shardKey(shard.id)}`);
    checkText(shard.sourceType, 0, 32, () => `the source type of shard ${shardKey(shard.id)}`);
    checkText(shard.destinationType, 0, 32, () => `the destination type of shard ${shardKey(shard.id)}`);
    let ofHost = this.#byHost.get(hostname);
    if (ofHost === undefined) this.#byHost.set(hostname, (ofHost = new Map<string, GrowingNode>()));
    ofHost.set(tablePrefix, new GrowingNode(shard));
  }

  #link(link: Link): void {
    const what = (): string => `the link ${shardKey(link.parent)} → ${shardKey(link.child)}`;
    checkInt32(link.weight, 0, () => `the weight of ${what()}`);
    const end = (id: ShardId): GrowingNode => {
      const found = this.#find(id);
      if (found !== undefined) return found;
      throw unsound(`${what()} names ${shardKey(id)}, which does not exist`, { shard: shardKey(id) });
    };
    const edge = { link, parent: end(link.parent), child: end(link.child) };
    const { type, shard } = edge.parent;
    if (type === undefined) throw unsound(`${shardKey(shard.id)} holds data (${shard.type}) and cannot have children`, { shard: shardKey(shard.id) });
    edge.parent.below = withEdge(edge.parent.below, edge);
    edge.child.above = withEdge(edge.child.above, edge);
  }

  /** From below upwards, as Kahn's algorithm does: a node's turn comes once that of all its children has. Those whose turn never comes lead into a circle. */
  #measure(): void {
    const ready: GrowingNode[] = [];
    let left = 0;
    for (const ofHost of this.#byHost.values()) {
      for (const node of ofHost.values()) {
        left++;
        node.waitsFor = node.below.length;
        if (node.waitsFor === 0) ready.push(node);
      }
    }
    for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
      left--;
      node.treeSize = node.below.reduce((size, { child }) => size + child.treeSize, 1);
      node.takesWrites = node.type === undefined || node.type.write === 'ignore' || node.below.some(({ child }) => child.takesWrites);
      for (const { parent } of node.above) if (--parent.waitsFor === 0) ready.push(parent);
    }
    if (left === 0) return;
    for (const ofHost of this.#byHost.values()) {
      for (const { waitsFor, shard } of ofHost.values()) if (waitsFor > 0) throw unsound(`the links of ${shardKey(shard.id)} form a circle`, { shard: shardKey(shard.id) });
    }
  }
}
