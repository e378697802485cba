import { describe, expect, it } from 'vitest';
import { leaf, node, topologyOf, weighted, type Tree } from '../../test/conformance/trees.js';
import { Topology } from '../topology/topology.js';
import { emptyTopology, type HostWeight } from '../topology/types.js';
import { readOrder, type Route } from './route.js';

const routeOf = (tree: Tree, weights: readonly HostWeight[] = []): Route =>
  new Topology(topologyOf(tree, weights)).route(1, 0n);
const hostsOf = (leaves: readonly { shard: { id: { hostname: string } } }[]): string[] =>
  leaves.map(({ shard }) => shard.id.hostname);

/** A generator with a seed (mulberry32), so that the counts below are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const reads = 20_000;

/** How often each host is asked at a place of the order, and how far that is from its share: Pearson's chi-square. */
function chiSquare(route: Route, shares: Readonly<Record<string, number>>, place = 0): number {
  const random = seeded(20090413);
  const found = new Map<string, number>();
  for (let i = 0; i < reads; i++) {
    const host = hostsOf(
      readOrder(
        route,
        () => true,
        () => true,
        random,
      ),
    )[place]!;
    found.set(host, (found.get(host) ?? 0) + 1);
  }
  const total = Object.values(shares).reduce((sum, share) => sum + share, 0);
  return Object.entries(shares).reduce((sum, [host, share]) => {
    const expected = (reads * share) / total;
    return sum + ((found.get(host) ?? 0) - expected) ** 2 / expected;
  }, 0);
}

/** Four degrees of freedom exceed this once in ten thousand draws; each distribution below has fewer. */
const bound = 23.5;

describe('the order of reads', () => {
  it('follows the weights of the links', () => {
    const route = routeOf(node('replicating', leaf('a', 1), leaf('b', 2), leaf('c', 5)));
    expect(chiSquare(route, { a: 1, b: 2, c: 5 })).toBeLessThan(bound);
    // And not those of another distribution: the bound tells them apart.
    expect(chiSquare(route, { a: 1, b: 1, c: 1 })).toBeGreaterThan(10 * bound);
  });

  it('draws the second replica by weight among those that are left', () => {
    const route = routeOf(node('replicating', leaf('a', 1), leaf('b', 1), leaf('c', 2)));
    // First a (1/4): then b 1/3, c 2/3. First b: likewise. First c (1/2): then a 1/2, b 1/2.
    expect(chiSquare(route, { a: 1 / 12 + 1 / 4, b: 1 / 12 + 1 / 4, c: 1 / 6 + 1 / 6 }, 1)).toBeLessThan(bound);
  });

  it('scales the weights by those of the hosts', () => {
    const weights = [{ hostname: 'b', read: 0.25, write: 1 }];
    expect(chiSquare(routeOf(node('replicating', leaf('a'), leaf('b')), weights), { a: 4, b: 1 })).toBeLessThan(bound);
  });

  it('scales the weights through nodes in between', () => {
    const weights = [{ hostname: 'b', read: 0.25, write: 1 }];
    expect(
      chiSquare(routeOf(node('replicating', leaf('a'), node('readOnly', leaf('b'))), weights), { a: 4, b: 1 }),
    ).toBeLessThan(bound);
  });

  it('chooses a child by weight on each level', () => {
    const route = routeOf(node('replicating', weighted(3, node('replicating', leaf('a'), leaf('b', 2))), leaf('c', 1)));
    expect(chiSquare(route, { a: 1, b: 2, c: 1 })).toBeLessThan(bound);
  });

  it('names every leaf that may be read, once', () => {
    const route = routeOf(
      node('replicating', leaf('a'), node('replicating', leaf('b'), leaf('c')), node('writeOnly', leaf('d'))),
    );
    expect(hostsOf(readOrder(route, () => true)).sort()).toEqual(['a', 'b', 'c']);
  });

  it('puts healthy hosts first, and keeps the others', () => {
    const route = routeOf(node('replicating', leaf('a', 1000), leaf('b', 1), leaf('c', 1)));
    const random = seeded(7);
    for (let i = 0; i < 100; i++) {
      const order = hostsOf(
        readOrder(
          route,
          (host) => host !== 'a',
          () => true,
          random,
        ),
      );
      expect(order).toHaveLength(3);
      expect(order[2]).toBe('a');
    }
    expect(
      hostsOf(
        readOrder(
          route,
          () => false,
          () => true,
          random,
        ),
      ),
    ).toHaveLength(3);
  });

  it('puts those that lag behind the current ones, and before those on hosts that are down', () => {
    const route = routeOf(node('replicating', leaf('a'), leaf('b'), leaf('c')));
    for (let i = 0; i < 20; i++)
      expect(
        hostsOf(
          readOrder(
            route,
            (host) => host !== 'a',
            (leaf) => !leaf.startsWith('b/'),
          ),
        ),
      ).toEqual(['c', 'b', 'a']);
  });
});

describe('a tree that is being rebuilt', () => {
  const two = (types: readonly [string, string], shared: boolean) => {
    const id = (hostname: string) => ({ hostname, tablePrefix: 't' });
    const shard = (hostname: string, type: string) => ({
      id: id(hostname),
      type,
      attributes: {},
      busy: 'normal' as const,
    });
    const link = (parent: string, child: string) => ({ parent: id(parent), child: id(child), weight: 1 });
    return new Topology({
      ...emptyTopology,
      tables: [{ tableId: 1, name: 't', service: 's', hash: 'identity' }],
      shards: [shard('root', 'replicating'), shard('w1', types[0]), shard('w2', types[1]), shard('a', 'rows')],
      links: [link('root', 'w1'), link('root', 'w2'), link('w1', 'a'), ...(shared ? [link('w2', 'a')] : [])],
      forwardings: [{ tableId: 1, baseId: 0n, shard: id('root') }],
    }).route(1, 0n);
  };

  it('may have a branch that holds nothing yet', () => {
    const route = two(['replicating', 'blocked'], false);
    expect(hostsOf(route.writable)).toEqual(['a']);
    expect(route.denied).toEqual([]);
  });

  it.each([
    [['blocked', 'replicating'], { read: 'allow', write: 'allow' }],
    [['replicating', 'blocked'], { read: 'allow', write: 'allow' }],
    [['readOnly', 'writeOnly'], { read: 'allow', write: 'allow' }],
    [['blocked', 'writeOnly'], { read: 'deny', write: 'allow' }],
    [['blackHole', 'readOnly'], { read: 'allow', write: 'deny' }],
    [['blackHole', 'blackHole'], { read: 'ignore', write: 'ignore' }],
  ] as const)('names a leaf below %j once, by the more permissive path', (types, behavior) => {
    const route = two(types, true);
    expect(route.leaves).toHaveLength(1);
    expect(route.leaves[0]).toMatchObject(behavior);
    expect(readOrder(route, () => true)).toHaveLength(behavior.read === 'allow' ? 1 : 0);
    expect(route.writable).toHaveLength(behavior.write === 'allow' ? 1 : 0);
  });
});
