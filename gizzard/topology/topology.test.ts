import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxId, type ErrorCode } from '../../core/index.js';
import { leaf, leafType, node, topologyOf } from '../../test/conformance/trees.js';
import { Topology } from './topology.js';
import {
  emptyTopology,
  parseShardId,
  shardKey,
  validShardId,
  type Forwarding,
  type ShardId,
  type ShardInfo,
  type TopologyState,
} from './types.js';

const id = (text: string): ShardId => parseShardId(text);
const shard = (text: string, type = leafType): ShardInfo => ({
  id: id(text),
  type,
  attributes: {},
  busy: 'normal',
});
const forwarding = (baseId: bigint, to: string, tableId = 1): Forwarding => ({ tableId, baseId, shard: id(to) });

const state = (overrides: Partial<TopologyState> = {}): TopologyState => ({
  ...emptyTopology,
  version: 3,
  tables: [{ tableId: 1, name: 'things', service: 'test', hash: 'identity' }],
  shards: [shard('a/x'), shard('b/x'), shard('c/x')],
  ...overrides,
});

const throwsCode = (code: ErrorCode, text: RegExp, fields: Record<string, string> = {}): unknown =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(text) as string,
    fields: expect.objectContaining(fields) as unknown,
  });

describe('the search for a forwarding', () => {
  const topology = new Topology(
    state({ forwardings: [forwarding(100n, 'b/x'), forwarding(0n, 'a/x'), forwarding(maxId, 'c/x')] }),
  );
  const rootOf = (key: bigint): string => shardKey(topology.route(1, key).root.id);

  it.each([
    [0n, 'a/x'],
    [99n, 'a/x'],
    [100n, 'b/x'],
    [101n, 'b/x'],
    [maxId - 1n, 'b/x'],
    [maxId, 'c/x'],
  ])('leads the hash %d to %s', (key, expected) => {
    expect(rootOf(key)).toBe(expected);
  });

  it('names the shard of a key', () => {
    expect(topology.locate(1, 150n)).toMatchObject({
      table: { name: 'things' },
      hash: 150n,
      baseId: 100n,
      route: { root: { id: id('b/x') } },
    });
  });

  it('hashes the key first', () => {
    const swapped = new Topology(
      state({
        tables: [{ tableId: 1, name: 'things', service: 'test', hash: 'byteSwap' }],
        forwardings: [forwarding(0n, 'a/x'), forwarding(1n << 59n, 'b/x')],
      }),
    );
    expect(shardKey(swapped.route(1, 0x8000n).root.id)).toBe('b/x');
    expect(shardKey(swapped.route(1, 0x7fffn).root.id)).toBe('a/x');
  });

  it('agrees with a search of the whole list', () => {
    const bases = fc.uniqueArray(fc.bigInt({ min: 0n, max: 1_000n }), { minLength: 1, maxLength: 20 });
    // Above 2^53 neighbors are one and the same as doubles.
    const from = fc.constantFrom(0n, 1n << 53n, 1n << 60n);
    fc.assert(
      fc.property(bases, fc.bigInt({ min: 0n, max: 1_001n }), from, (some, above, start) => {
        const names = ['a/x', 'b/x', 'c/x'];
        const key = start + above;
        const forwardings = some.map((base, i) => forwarding(start + base, names[i % 3]!));
        const best = forwardings
          .filter(({ baseId }) => baseId <= key)
          .sort((one, other) => (one.baseId < other.baseId ? 1 : -1))[0];
        const found = new Topology(state({ forwardings }));
        if (best === undefined) expect(() => found.route(1, key)).toThrow(/has no forwarding/);
        else expect(found.locate(1, key)).toMatchObject({ baseId: best.baseId, route: { root: { id: best.shard } } });
      }),
    );
  });

  it('names table and key where there is a gap at the bottom', () => {
    const gap = new Topology(state({ forwardings: [forwarding(10n, 'a/x')] }));
    expect(() => gap.route(1, 9n)).toThrow(
      throwsCode('NotFound', /table 1 \(things\) has no forwarding for key 9/, { table: '1', key: '9' }),
    );
    expect(gap.covers(1)).toBe(false);
    expect(topology.covers(1)).toBe(true);
    expect(topology.covers(2)).toBe(false);
  });

  it('refuses a table without forwardings, and one that is not there', () => {
    expect(() => new Topology(state()).route(1, 5n)).toThrow(throwsCode('NotFound', /no forwarding/));
    expect(() => topology.route(2, 5n)).toThrow(throwsCode('NotFound', /there is no table 2/, { table: '2' }));
  });

  it('lists the routes in the order of the bases', () => {
    expect(topology.routes(1).map((route) => shardKey(route.root.id))).toEqual(['a/x', 'b/x', 'c/x']);
  });

  it('gives forwardings to one shard one route', () => {
    const shared = new Topology(state({ forwardings: [forwarding(0n, 'a/x'), forwarding(7n, 'a/x')] }));
    expect(shared.route(1, 8n)).toBe(shared.route(1, 0n));
  });

  it("searches only the forwardings of the key's table", () => {
    const two = new Topology(
      state({
        tables: [1, -1].map((tableId) => ({ tableId, name: 'things', service: 'test', hash: 'identity' })),
        forwardings: [forwarding(0n, 'a/x', 1), forwarding(0n, 'b/x', -1)],
      }),
    );
    expect(shardKey(two.route(1, 3n).root.id)).toBe('a/x');
    expect(shardKey(two.route(-1, 3n).root.id)).toBe('b/x');
  });
});

describe('a topology that is not sound', () => {
  const link = (parent: string, child: string, weight = 1) => ({ parent: id(parent), child: id(child), weight });
  const chain = (...nodes: string[]): ShardInfo[] => nodes.map((name) => shard(name, 'replicating'));

  it.each<[string, Partial<TopologyState>, ErrorCode, RegExp]>([
    [
      'a circle',
      { shards: chain('n/1', 'n/2', 'n/3'), links: [link('n/1', 'n/2'), link('n/2', 'n/3'), link('n/3', 'n/1')] },
      'FailedPrecondition',
      /form a circle/,
    ],
    [
      'a shard that is its own child',
      { shards: chain('n/1'), links: [link('n/1', 'n/1')] },
      'FailedPrecondition',
      /form a circle/,
    ],
    [
      'a chain without end',
      {
        shards: chain(...Array.from({ length: 1_002 }, (_, i) => `n/${i}`)),
        links: Array.from({ length: 1_001 }, (_, i) => link(`n/${i}`, `n/${i + 1}`)),
      },
      'FailedPrecondition',
      /lies more than 1000 links below/,
    ],
    [
      'a circle beside a sound tree',
      {
        shards: [...chain('n/1', 'n/2', 'n/3'), shard('a/x')],
        links: [link('n/1', 'a/x'), link('n/2', 'n/3'), link('n/3', 'n/2')],
      },
      'FailedPrecondition',
      /n\/[23] form a circle/,
    ],
    [
      'a forwarding to a missing shard',
      { forwardings: [forwarding(0n, 'a/gone')] },
      'FailedPrecondition',
      /forwards 0 to a\/gone, which does not exist/,
    ],
    [
      'a link to a missing child',
      { shards: chain('n/1'), links: [link('n/1', 'a/gone')] },
      'FailedPrecondition',
      /names a\/gone, which does not exist/,
    ],
    [
      'a link from a missing parent',
      { links: [link('n/gone', 'a/x')] },
      'FailedPrecondition',
      /names n\/gone, which does not exist/,
    ],
    [
      'a link below a leaf',
      { links: [link('a/x', 'b/x')] },
      'FailedPrecondition',
      /a\/x holds data \(testLeaf\) and cannot have children/,
    ],
    [
      'two forwardings at one base',
      { forwardings: [forwarding(5n, 'a/x'), forwarding(5n, 'b/x')] },
      'FailedPrecondition',
      /forwards 5 twice/,
    ],
    [
      'a forwarding of a table that is not registered',
      { forwardings: [forwarding(0n, 'a/x', 9)] },
      'FailedPrecondition',
      /table 9 has forwardings but is not registered/,
    ],
    [
      'a base below 0',
      { forwardings: [forwarding(-1n, 'a/x')] },
      'FailedPrecondition',
      /base -1 of table 1 is outside/,
    ],
    [
      'a base above the greatest hash',
      {
        tables: [{ tableId: 1, name: 't', service: 's', hash: 'fnv1a64' }],
        forwardings: [forwarding(1n << 60n, 'a/x')],
      },
      'FailedPrecondition',
      /is outside/,
    ],
    [
      'an unknown hash',
      { tables: [{ tableId: 1, name: 't', service: 's', hash: 'md5' }] },
      'InvalidArgument',
      /no hash "md5"/,
    ],
    [
      'a negative weight',
      { shards: [...chain('n/1'), shard('a/x')], links: [link('n/1', 'a/x', -1)] },
      'InvalidArgument',
      /weight of the link n\/1 → a\/x/,
    ],
    [
      'a fraction as the weight of a link',
      { shards: [...chain('n/1'), shard('a/x')], links: [link('n/1', 'a/x', 0.5)] },
      'InvalidArgument',
      /must be an integer/,
    ],
    [
      'a host weight that is no number',
      { hostWeights: [{ hostname: 'a', read: Number.NaN, write: 1 }] },
      'InvalidArgument',
      /read weight of host a/,
    ],
    [
      'a negative host weight',
      { hostWeights: [{ hostname: 'a', read: 1, write: -1 }] },
      'InvalidArgument',
      /write weight of host a/,
    ],
    [
      'a shard id that would not do as a table name',
      { shards: [{ ...shard('a/x'), id: { hostname: 'a', tablePrefix: 'x`; DROP' } }] },
      'InvalidArgument',
      /no shard id/,
    ],
    [
      'a type that is too long for its column',
      { shards: [shard('a/x', 'x'.repeat(65))] },
      'InvalidArgument',
      /type of shard a\/x/,
    ],
    [
      'a table number that is too large for its column',
      { tables: [{ tableId: 2 ** 31, name: 't', service: 's', hash: 'identity' }] },
      'InvalidArgument',
      /number of a table/,
    ],
  ])('is refused: %s', (_what, overrides, code, text) => {
    expect(() => new Topology(state(overrides))).toThrow(throwsCode(code, text));
  });

  it('may have trees that share a shard', () => {
    const shared = new Topology(
      state({
        shards: [...chain('n/1', 'n/2'), shard('a/x')],
        links: [link('n/1', 'a/x'), link('n/2', 'a/x')],
        forwardings: [forwarding(0n, 'n/1'), forwarding(9n, 'n/2')],
      }),
    );
    expect(shared.parents(id('a/x'))).toHaveLength(2);
  });

  it('is refused whatever circle its links hold', () => {
    const pairs = fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 10 });
    const cyclic = (edges: readonly (readonly [number, number])[]): boolean => {
      const reaches = (from: number, to: number, seen: Set<number>): boolean =>
        edges.some(
          ([parent, child]) =>
            parent === from && (child === to || (!seen.has(child) && reaches(child, to, seen.add(child)))),
        );
      return [0, 1, 2, 3, 4, 5].some((start) => reaches(start, start, new Set()));
    };
    fc.assert(
      fc.property(pairs, (edges) => {
        const unique = [...new Map(edges.map((edge) => [String(edge), edge])).values()];
        const build = () =>
          new Topology(
            state({
              shards: chain('n/0', 'n/1', 'n/2', 'n/3', 'n/4', 'n/5'),
              links: unique.map(([parent, child]) => link(`n/${parent}`, `n/${child}`)),
            }),
          );
        if (cyclic(unique)) expect(build).toThrow(/form a circle/);
        else expect(build).not.toThrow();
      }),
    );
  });
});

describe('a topology', () => {
  const topology = new Topology(
    topologyOf(node('replicating', leaf('a'), leaf('b', 2)), [{ hostname: 'a', read: 0.5, write: 1 }]),
  );

  it('returns shards, links and weights', () => {
    expect(topology.shard(id('a/leaf')).type).toBe(leafType);
    expect(topology.hasShard(id('a/other'))).toBe(false);
    expect(() => topology.shard(id('a/other'))).toThrow(
      throwsCode('NotFound', /there is no shard a\/other/, { shard: 'a/other' }),
    );
    expect(topology.children(id('nodes/n1')).map((link) => [shardKey(link.child), link.weight])).toEqual([
      ['a/leaf', 1],
      ['b/leaf', 2],
    ]);
    expect(topology.parents(id('b/leaf')).map((link) => shardKey(link.parent))).toEqual(['nodes/n1']);
    expect(topology.children(id('a/leaf'))).toEqual([]);
    expect(topology.hostWeight('a')).toMatchObject({ read: 0.5, write: 1 });
    expect(topology.hostWeight('b')).toEqual({ read: 1, write: 1 });
    expect(topology.table(1).name).toBe('things');
    expect(() => topology.table(2)).toThrow(throwsCode('NotFound', /no table 2/));
  });
});

describe('a shard id', () => {
  it('is written as host/prefix', () => {
    expect(parseShardId('db-1.example:3306/things_0001')).toEqual({
      hostname: 'db-1.example:3306',
      tablePrefix: 'things_0001',
    });
    fc.assert(
      fc.property(
        fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/),
        fc.stringMatching(/^[A-Za-z0-9_]{1,54}$/),
        (hostname, tablePrefix) => {
          expect(parseShardId(shardKey({ hostname, tablePrefix }))).toEqual({ hostname, tablePrefix });
        },
      ),
    );
  });

  it.each([
    '',
    '/',
    'a',
    'a/',
    '/x',
    'a/x/y',
    'a/x y',
    'a/x`',
    'a/é',
    'a b/x',
    `a/${'x'.repeat(55)}`,
    `${'a'.repeat(65)}/x`,
    'a/x\n',
    'a\n/x',
  ])('refuses %j', (text) => {
    expect(() => parseShardId(text)).toThrow(throwsCode('InvalidArgument', /is no shard id/));
  });

  it('is refused when one of its parts is invalid', () => {
    expect(validShardId({ hostname: 'a', tablePrefix: 'x' })).toEqual({ hostname: 'a', tablePrefix: 'x' });
    expect(() => validShardId({ hostname: 'a/b', tablePrefix: 'x' })).toThrow(
      throwsCode('InvalidArgument', /is no shard id/),
    );
  });
});
