import { describe, expect, it } from 'vitest';
import { leafType } from '../../test/conformance/trees.js';
import { applyChanges, type Change } from './changes.js';
import { Topology } from './topology.js';
import { topologyEffects, type TopologyEffects } from './topologyEffects.js';
import { emptyTopology, parseShardId, type ShardId, type ShardInfo, type TopologyState } from './types.js';

const id = (text: string): ShardId => parseShardId(text);
const shard = (text: string, type: string = leafType): ShardInfo => ({
  id: id(text),
  type,
  attributes: {},
  busy: 'normal',
});
const create = (text: string, type: string): Change => ({ kind: 'createShard', shard: shard(text, type) });
const link = (parent: string, child: string, weight = 1): Change => ({
  kind: 'addLink',
  link: { parent: id(parent), child: id(child), weight },
});
const unlink = (parent: string, child: string): Change => ({
  kind: 'removeLink',
  parent: id(parent),
  child: id(child),
});
const forward = (baseId: bigint, to: string): Change => ({
  kind: 'setForwarding',
  forwarding: { tableId: 1, baseId, shard: id(to) },
});

const state: TopologyState = applyChanges(emptyTopology, [
  { kind: 'createTable', table: { tableId: 1, name: 'things', service: 'test', hash: 'identity' } },
  ...['a/x', 'b/x', 'c/y', 'd/y'].map((text) => create(text, leafType)),
  create('localhost/x', 'replicating'),
  create('localhost/y', 'replicating'),
  link('localhost/x', 'a/x'),
  link('localhost/x', 'b/x'),
  link('localhost/y', 'c/y'),
  link('localhost/y', 'd/y'),
  forward(0n, 'localhost/x'),
  forward(100n, 'localhost/y'),
]);

const nothing: TopologyEffects = { unreadable: [], delayed: [], skipped: [], left: [], replaced: [], unrouted: [] };
const effects = (...changes: Change[]): TopologyEffects =>
  topologyEffects(new Topology(state), new Topology(applyChanges(state, changes)));
const wrapped = (type: string): Change[] => [
  create('localhost/w', type),
  link('localhost/w', 'a/x'),
  link('localhost/x', 'localhost/w'),
  unlink('localhost/x', 'a/x'),
];

describe('the effects of a change of the topology', () => {
  it.each<[string, Change[], Partial<TopologyEffects>]>([
    ['a weight', [link('localhost/x', 'a/x', 9)], {}],
    ['another replica', [create('e/x', leafType), link('localhost/x', 'e/x')], {}],
    ['a blackHole above one replica', wrapped('blackHole'), { skipped: ['a/x'] }],
    ['a block above one replica', wrapped('blocked'), { delayed: ['a/x'] }],
    ['a replica made writeOnly', wrapped('writeOnly'), {}],
    [
      'a host that takes no writes',
      [{ kind: 'setHostWeight', weight: { hostname: 'a', read: 1, write: 0 } }],
      { delayed: ['a/x'] },
    ],
    [
      'both hosts of a tree that take no reads',
      ['a', 'b'].map((hostname): Change => ({ kind: 'setHostWeight', weight: { hostname, read: 0, write: 1 } })),
      { unreadable: ['localhost/x'] },
    ],
    ['a replica that leaves its tree', [unlink('localhost/x', 'b/x')], { left: ['b/x'] }],
    [
      'the last readable replica that gets weight 0',
      [link('localhost/x', 'a/x', 0), link('localhost/x', 'b/x', 0)],
      { unreadable: ['localhost/x'] },
    ],
    [
      'a tree in another one’s place',
      [forward(0n, 'localhost/y')],
      { replaced: ['localhost/y'], left: ['a/x', 'b/x'] },
    ],
    [
      'a new base within the keys of a tree',
      [forward(50n, 'localhost/y')],
      { replaced: ['localhost/y'], left: ['a/x', 'b/x'] },
    ],
    [
      'a forwarding that goes',
      [{ kind: 'removeForwarding', tableId: 1, baseId: 100n }],
      { replaced: ['localhost/x'], left: ['c/y', 'd/y'] },
    ],
    [
      'the lowest forwarding that goes',
      [{ kind: 'removeForwarding', tableId: 1, baseId: 0n }],
      { unrouted: ['table 1 at 0'] },
    ],
  ])('of %s', (_, changes, expected) => {
    expect(effects(...changes)).toEqual({ ...nothing, ...expected });
  });

  it('leave out shards that were denied before', () => {
    const blocked = applyChanges(state, wrapped('blackHole'));
    const opened = applyChanges(blocked, [link('localhost/x', 'a/x'), unlink('localhost/x', 'localhost/w')]);
    expect(topologyEffects(new Topology(blocked), new Topology(opened))).toEqual(nothing);
    expect(topologyEffects(new Topology(blocked), new Topology(blocked))).toEqual(nothing);
  });
});
