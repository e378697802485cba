import { describe, expect, it } from 'vitest';
import { leaf, node, topologyOf, weighted, type Tree } from '../../test/conformance/trees.js';
import { nodeTypeConformance } from '../../test/conformance/nodeTypeConformance.js';
import { readOrder } from '../routing/route.js';
import { Topology } from '../topology/topology.js';
import type { HostWeight } from '../topology/types.js';
import { behaviors, nodeTypes, stronger } from './index.js';

describe.each(nodeTypes.map((type) => [type.name, type] as const))('%s', (_name, type) => nodeTypeConformance(type));

describe('stronger', () => {
  it('takes ignore over deny over allow, whatever the order', () => {
    for (const [i, a] of behaviors.entries())
      for (const [j, b] of behaviors.entries()) expect(stronger(a, b)).toBe(behaviors[Math.max(i, j)]);
    expect(behaviors).toEqual(['allow', 'deny', 'ignore']);
  });
});

interface Expected {
  /** Hosts whose leaf a read may ask. */
  readonly reads: readonly string[];
  /** Hosts whose leaf a write goes to. */
  readonly writes: readonly string[];
  /** Hosts whose leaf fails writes, which are retried. */
  readonly denies: readonly string[];
}

const pair = node('replicating', leaf('a'), leaf('b'));

const cases: [what: string, tree: Tree, expected: Expected, weights?: readonly HostWeight[]][] = [
  ['a leaf alone', leaf('a'), { reads: ['a'], writes: ['a'], denies: [] }],
  ['replicas', pair, { reads: ['a', 'b'], writes: ['a', 'b'], denies: [] }],
  [
    'a writeOnly replica',
    node('replicating', leaf('a'), node('writeOnly', leaf('b'))),
    { reads: ['a'], writes: ['a', 'b'], denies: [] },
  ],
  [
    'a readOnly replica',
    node('replicating', leaf('a'), node('readOnly', leaf('b'))),
    { reads: ['a', 'b'], writes: ['a'], denies: ['b'] },
  ],
  [
    'a blocked replica',
    node('replicating', leaf('a'), node('blocked', leaf('b'))),
    { reads: ['a'], writes: ['a'], denies: ['b'] },
  ],
  [
    'a blackHole replica',
    node('replicating', leaf('a'), node('blackHole', leaf('b'))),
    { reads: ['a'], writes: ['a'], denies: [] },
  ],
  [
    'a slave',
    node('replicating', leaf('a'), node('slave', leaf('b'))),
    { reads: ['a', 'b'], writes: ['a'], denies: [] },
  ],
  ['writeOnly over replicas', node('writeOnly', pair), { reads: [], writes: ['a', 'b'], denies: [] }],
  ['readOnly over replicas', node('readOnly', pair), { reads: ['a', 'b'], writes: [], denies: ['a', 'b'] }],
  ['blocked over replicas', node('blocked', pair), { reads: [], writes: [], denies: ['a', 'b'] }],
  ['blackHole over replicas', node('blackHole', pair), { reads: [], writes: [], denies: [] }],
  ['slave over replicas', node('slave', pair), { reads: ['a', 'b'], writes: [], denies: [] }],
  [
    'readOnly over writeOnly: both deny',
    node('readOnly', node('writeOnly', leaf('a'))),
    { reads: [], writes: [], denies: ['a'] },
  ],
  [
    'slave over readOnly: ignoring is stronger than denying',
    node('slave', node('readOnly', leaf('a'))),
    { reads: ['a'], writes: [], denies: [] },
  ],
  ['readOnly over slave', node('readOnly', node('slave', leaf('a'))), { reads: ['a'], writes: [], denies: [] }],
  ['blocked over blackHole', node('blocked', node('blackHole', leaf('a'))), { reads: [], writes: [], denies: [] }],
  [
    'replicas of replicas',
    node(
      'replicating',
      node('replicating', leaf('a'), node('writeOnly', leaf('b'))),
      node('readOnly', node('replicating', leaf('c'), leaf('d'))),
    ),
    { reads: ['a', 'c', 'd'], writes: ['a', 'b'], denies: ['c', 'd'] },
  ],
  [
    'a replica of weight 0 is written and not read',
    node('replicating', leaf('a'), leaf('b', 0)),
    { reads: ['a'], writes: ['a', 'b'], denies: [] },
  ],
  [
    'nor is anything below a child of weight 0',
    node('replicating', leaf('a'), weighted(0, node('replicating', leaf('b'), leaf('c')))),
    { reads: ['a'], writes: ['a', 'b', 'c'], denies: [] },
  ],
  [
    'all replicas of weight 0',
    node('replicating', leaf('a', 0), leaf('b', 0)),
    { reads: [], writes: ['a', 'b'], denies: [] },
  ],
  [
    'a link of weight 0 below a node that does not replicate is no choice to make',
    node('writeOnly', leaf('a', 0)),
    { reads: [], writes: ['a'], denies: [] },
  ],
  ['the same, for reads', node('slave', leaf('a', 0)), { reads: ['a'], writes: [], denies: [] }],
  [
    'a host with read weight 0',
    pair,
    { reads: ['b'], writes: ['a', 'b'], denies: [] },
    [{ hostname: 'a', read: 0, write: 1 }],
  ],
  [
    'a host with write weight 0',
    pair,
    { reads: ['a', 'b'], writes: ['b'], denies: ['a'] },
    [{ hostname: 'a', read: 1, write: 0 }],
  ],
  [
    'a host with both weights 0',
    pair,
    { reads: ['b'], writes: ['b'], denies: ['a'] },
    [{ hostname: 'a', read: 0, write: 0 }],
  ],
  [
    'a slave on a host with write weight 0 stays ignored',
    node('slave', leaf('a')),
    { reads: ['a'], writes: [], denies: [] },
    [{ hostname: 'a', read: 1, write: 0 }],
  ],
  [
    'a host with small weights',
    pair,
    { reads: ['a', 'b'], writes: ['a', 'b'], denies: [] },
    [{ hostname: 'a', read: 0.001, write: 0.001 }],
  ],
  [
    'host weights of routing nodes do not matter',
    pair,
    { reads: ['a', 'b'], writes: ['a', 'b'], denies: [] },
    [{ hostname: 'nodes', read: 0, write: 0 }],
  ],
];

describe('a replication tree', () => {
  it.each(cases)('%s', (_what, tree, { reads, writes, denies }, weights = []) => {
    const route = new Topology(topologyOf(tree, weights)).route(1, 5n);
    const hosts = (leaves: readonly { shard: { id: { hostname: string } } }[]): string[] =>
      leaves.map(({ shard }) => shard.id.hostname).sort();
    expect({
      reads: hosts(readOrder(route, () => true)),
      writes: hosts(route.writable),
      denies: hosts(route.denied),
    }).toEqual({ reads, writes, denies });
  });
});
