import type { Change, HostWeight, Link, ShardInfo, TopologyState } from '../../gizzard/index.js';
import { emptyTopology } from '../../gizzard/topology/types.js';

/** A replication tree in words: nodes are named `nodes/n1`, `nodes/n2` … in the order of the text, leaves `HOST/leaf`. */
export interface Tree {
  readonly type: string;
  readonly hostname?: string;
  readonly weight: number;
  readonly children: readonly Tree[];
}

/** The type of the leaves: a shard type for which nothing is created. */
export const leafType = 'testLeaf';

export const leaf = (hostname: string, weight = 1): Tree => ({ type: leafType, hostname, weight, children: [] });
export const node = (type: string, ...children: Tree[]): Tree => ({ type, weight: 1, children });
export const weighted = (weight: number, tree: Tree): Tree => ({ ...tree, weight });

/** The topology of table 1, hashed by identity. Its one forwarding leads to the tree. */
export function topologyOf(tree: Tree, hostWeights: readonly HostWeight[] = []): TopologyState {
  const shards: ShardInfo[] = [];
  const links: Link[] = [];
  let nodes = 0;
  const visit = ({ type, hostname, children }: Tree): ShardInfo['id'] => {
    const id =
      hostname === undefined ? { hostname: 'nodes', tablePrefix: `n${++nodes}` } : { hostname, tablePrefix: 'leaf' };
    shards.push({ id, type, attributes: {}, busy: 'normal' });
    for (const child of children) links.push({ parent: id, child: visit(child), weight: child.weight });
    return id;
  };
  const shard = visit(tree);
  return {
    ...emptyTopology,
    version: 1,
    tables: [{ tableId: 1, name: 'things', service: 'test', hash: 'identity' }],
    shards,
    links,
    forwardings: [{ tableId: 1, baseId: 0n, shard }],
    hostWeights,
  };
}

/** Returns the changes that build a topology from nothing. */
export const changesFor = (state: TopologyState): Change[] => [
  ...state.tables.map((table): Change => ({ kind: 'createTable', table })),
  ...state.shards.map((shard): Change => ({ kind: 'createShard', shard })),
  ...state.links.map((link): Change => ({ kind: 'addLink', link })),
  ...state.forwardings.map((forwarding): Change => ({ kind: 'setForwarding', forwarding })),
  ...state.hostWeights.map((weight): Change => ({ kind: 'setHostWeight', weight })),
];
