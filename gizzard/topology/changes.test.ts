import { describe, expect, it } from 'vitest';
import { applyChanges, type Change } from './changes.js';
import { changesBetween } from './changesBetween.js';
import { changesFromJson, changesToJson } from './changeJson.js';
import { emptyTopology, type ShardId, type ShardInfo, type TopologyState } from './types.js';

const id = (name: string): ShardId => ({ hostname: 'h', tablePrefix: name });
const shard = (name: string, type = 'replicating'): ShardInfo => ({
  id: id(name),
  type,
  attributes: {},
  busy: 'normal',
});
const table = { tableId: 1, name: 't', service: 's', hash: 'identity' };
const base: Change[] = [
  { kind: 'createTable', table },
  { kind: 'createShard', shard: shard('root') },
  { kind: 'createShard', shard: shard('leaf', 'rows') },
  { kind: 'addLink', link: { parent: id('root'), child: id('leaf'), weight: 1 } },
  { kind: 'setForwarding', forwarding: { tableId: 1, baseId: 0n, shard: id('root') } },
];
const state = applyChanges(emptyTopology, base);
const remote = { hostname: 'far', port: 7921, cluster: 'west', status: 'normal' } as const;

describe('refused changes', () => {
  const cases: [what: string, changes: Change[], code: string, message: RegExp][] = [
    [
      'deleting a shard that has a parent',
      [{ kind: 'deleteShard', id: id('leaf') }],
      'FailedPrecondition',
      /h\/leaf cannot be deleted: it is linked below h\/root/,
    ],
    [
      'deleting a shard that has children',
      [{ kind: 'deleteShard', id: id('root') }],
      'FailedPrecondition',
      /h\/leaf is linked below it/,
    ],
    [
      'deleting a shard that a table forwards to',
      [
        { kind: 'removeLink', parent: id('root'), child: id('leaf') },
        { kind: 'deleteShard', id: id('root') },
      ],
      'FailedPrecondition',
      /table 1 forwards 0 to it/,
    ],
    ['deleting a shard that is not there', [{ kind: 'deleteShard', id: id('none') }], 'NotFound', /no shard h\/none/],
    [
      'removing a link that is not there',
      [{ kind: 'removeLink', parent: id('leaf'), child: id('root') }],
      'NotFound',
      /no link/,
    ],
    [
      'removing a forwarding that is not there',
      [{ kind: 'removeForwarding', tableId: 1, baseId: 5n }],
      'NotFound',
      /table 1 at 5/,
    ],
    [
      'removing a weight that is not there',
      [{ kind: 'removeHostWeight', hostname: 'h' }],
      'NotFound',
      /weight of host h/,
    ],
    [
      'creating a shard as another type',
      [{ kind: 'createShard', shard: shard('leaf', 'blocked') }],
      'AlreadyExists',
      /exists as rows/,
    ],
    [
      'a table under another hash',
      [{ kind: 'createTable', table: { ...table, hash: 'fnv1a64' } }],
      'AlreadyExists',
      /hashed by identity/,
    ],
    [
      'a remote host without a port',
      [{ kind: 'setRemoteHost', host: { ...remote, port: 0 } }],
      'InvalidArgument',
      /from 1 to 65535, not 0/,
    ],
    [
      'a remote host with a strange name',
      [{ kind: 'setRemoteHost', host: { ...remote, hostname: 'a b' } }],
      'InvalidArgument',
      /"a b"/,
    ],
    [
      'a remote cluster without a name',
      [{ kind: 'setRemoteHost', host: { ...remote, cluster: '' } }],
      'InvalidArgument',
      /cluster's name/,
    ],
    [
      'a fanout that would be the failing queue',
      [{ kind: 'addFanout', fanout: { priority: 'high', suffix: 'bad' } }],
      'InvalidArgument',
      /none of failing, bad/,
    ],
    [
      'removing a fanout that is not there',
      [{ kind: 'removeFanout', fanout: { priority: 'high', suffix: 'x' } }],
      'NotFound',
      /fanout x/,
    ],
    [
      'removing a remote host that is not there',
      [{ kind: 'removeRemoteHost', hostname: 'far', port: 1 }],
      'NotFound',
      /far:1/,
    ],
  ];
  it.each(cases)('%s', (_what, changes, code, message) => {
    expect(() => applyChanges(state, changes)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error,
    );
  });
});

it('lets a shard go together with its links and forwardings, in whatever order', () => {
  const after = applyChanges(state, [
    { kind: 'deleteShard', id: id('root') },
    { kind: 'removeForwarding', tableId: 1, baseId: 0n },
    { kind: 'removeLink', parent: id('root'), child: id('leaf') },
  ]);
  expect(after.shards).toEqual([shard('leaf', 'rows')]);
});

describe('changesBetween', () => {
  const changes: [what: string, changes: Change[]][] = [
    ['nothing', []],
    ['everything taken away', changesBetween(state, emptyTopology)],
    [
      'a shard made anew as another type',
      [
        { kind: 'removeLink', parent: id('root'), child: id('leaf') },
        { kind: 'deleteShard', id: id('leaf') },
        { kind: 'createShard', shard: shard('leaf', 'blocked') },
      ],
    ],
    ['a busy shard', [{ kind: 'markBusy', id: id('leaf'), busy: 'busy' }]],
    [
      'weights',
      [
        { kind: 'setHostWeight', weight: { hostname: 'h', read: 0.5, write: 1 } },
        { kind: 'addLink', link: { parent: id('root'), child: id('leaf'), weight: 7 } },
      ],
    ],
    [
      'a table of another hash',
      [
        { kind: 'removeForwarding', tableId: 1, baseId: 0n },
        { kind: 'removeTable', tableId: 1 },
        { kind: 'createTable', table: { ...table, hash: 'fnv1a64' } },
      ],
    ],
    [
      'a forwarding to another shard',
      [
        { kind: 'setForwarding', forwarding: { tableId: 1, baseId: 0n, shard: id('leaf') } },
        { kind: 'setForwarding', forwarding: { tableId: 1, baseId: 2n ** 60n, shard: id('root') } },
      ],
    ],
    [
      'operations',
      [
        { kind: 'setRemoteHost', host: remote },
        { kind: 'pauseJobs', priority: 'low' },
        { kind: 'addFanout', fanout: { priority: 'high', suffix: 'tap' } },
      ],
    ],
  ];
  it.each(changes)('goes there and back: %s', (_what, there) => {
    const after = applyChanges(state, there);
    const back = changesFromJson(changesToJson(changesBetween(after, state)));
    expect(sorted(applyChanges(after, back))).toEqual({ ...sorted(state), version: after.version + 1 });
    expect(sorted(applyChanges(state, changesBetween(state, after)))).toEqual(sorted(after));
  });
});

const sorted = (of: TopologyState): object =>
  Object.fromEntries(
    Object.entries(of).map(([name, value]) => [
      name,
      Array.isArray(value)
        ? [...(value as unknown[])].sort((a, b) =>
            changesToJson([a as Change]) < changesToJson([b as Change]) ? -1 : 1,
          )
        : (value as unknown),
    ]),
  );
