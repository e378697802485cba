import { groupBy } from '../../core/index.js';
import { nodeType, type NodeType } from '../nodes/index.js';
import { checkAttributeTexts, checkInt32, checkText, unsound } from './checks.js';
import { shardKey, validShardId, type Link, type ShardId, type ShardInfo } from './types.js';

/** A link with the shard that it leads to. */
export interface LinkBelow {
  readonly link: Link;
  readonly child: ShardNode;
}

/** A shard with everything below it. */
export interface ShardNode {
  readonly shard: ShardInfo;
  /** Undefined for a shard that holds data. */
  readonly type: NodeType | undefined;
  readonly below: readonly LinkBelow[];
  /** Nodes of the tree from here down; a shard on several paths counts for each. */
  readonly treeSize: number;
  /**
   * Whether writes have an effect: a path ends in a shard with data, or passes a node that ignores them on purpose.
   */
  readonly takesWrites: boolean;
}

class GrowingNode implements ShardNode {
  readonly type: NodeType | undefined;
  below: { readonly link: Link; readonly child: GrowingNode }[] = noEdges;
  treeSize = notMeasured;
  takesWrites = false;

  constructor(readonly shard: ShardInfo) {
    this.type = nodeType(shard.type);
  }
}

const noEdges: GrowingNode['below'] = [];
const [notMeasured, beingMeasured] = [0, -1];
/** A real tree has a handful of levels; the bound protects the stack. */
const maxDepth = 1_000;

/**
 * The shards of a topology, linked. Lookups go by host and then by prefix: with hundreds of thousands of shards,
 * joining the two into keys would take most of the time.
 */
export class ShardGraph {
  readonly #byHost = new Map<string, Map<string, GrowingNode>>();
  #above: Map<ShardNode, Link[]> | undefined;

  /**
   * Throws `FailedPrecondition` for links to nowhere, below data or in a circle, and `InvalidArgument` for what
   * cannot be stored.
   */
  constructor(
    shards: readonly ShardInfo[],
    private readonly links: readonly Link[],
  ) {
    for (const shard of shards) this.#add(shard);
    for (const link of links) this.#link(link);
    for (const ofHost of this.#byHost.values()) for (const node of ofHost.values()) measure(node, 1);
  }

  find(id: ShardId): ShardNode | undefined {
    return this.#find(id);
  }

  /** The links to a shard, which only tools need. */
  above(id: ShardId): readonly Link[] {
    if (this.#above === undefined) {
      this.#above = groupBy(this.links, ({ child }) => this.#find(child)!);
    }
    const node = this.#find(id);
    return (node && this.#above.get(node)) ?? [];
  }

  #find({ hostname, tablePrefix }: ShardId): GrowingNode | undefined {
    return this.#byHost.get(hostname)?.get(tablePrefix);
  }

  #add(shard: ShardInfo): void {
    const { hostname, tablePrefix } = validShardId(shard.id);
    checkText(shard.type, 1, 64, () => `the type of shard ${shardKey(shard.id)}`);
    checkAttributeTexts(shard);
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
    const parent = end(link.parent);
    const edge = { link, child: end(link.child) };
    const { type, shard } = parent;
    if (type === undefined)
      throw unsound(`${shardKey(shard.id)} holds data (${shard.type}) and cannot have children`, {
        shard: shardKey(shard.id),
      });
    // Most have one or two, and `push` would reserve seventeen.
    if (parent.below.length < 4) parent.below = [...parent.below, edge];
    else parent.below.push(edge);
  }
}

/** Measures what is below first; a node met again on the way down is on a circle. */
function measure(node: GrowingNode, depth: number): void {
  if (node.treeSize > 0) return;
  const key = (): string => shardKey(node.shard.id);
  if (node.treeSize === beingMeasured) throw unsound(`the links of ${key()} form a circle`, { shard: key() });
  if (depth > maxDepth)
    throw unsound(`${key()} lies more than ${maxDepth} links below another shard`, { shard: key() });
  node.treeSize = beingMeasured;
  let size = 1;
  let takesWrites = node.type === undefined || node.type.write === 'ignore';
  for (const { child } of node.below) {
    measure(child, depth + 1);
    size += child.treeSize;
    takesWrites ||= child.takesWrites;
  }
  node.treeSize = size;
  node.takesWrites = takesWrites;
}
