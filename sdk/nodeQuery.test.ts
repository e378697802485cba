import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RoostError } from '../core/index.js';
import { TestFlock } from '../test/inMemory/testFlock.js';
import { startTestServer, type TestServer } from '../test/inMemory/testServer.js';
import { connect, type Graph, type NodeQuery, type Roost } from './index.js';

const many = 7_000;
const first = 10_000;
const last = first + many - 1;
let flock: TestFlock;
let server: TestServer;
let roost: Roost;
let follows: Graph;

beforeAll(async () => {
  flock = new TestFlock();
  server = await startTestServer({ flock });
  roost = await connect(server.address);
  follows = await roost.graph('follows');
  // Positions go against the ids, so that the two orders differ.
  await follows.write(Array.from({ length: 30 }, (_, i) => ({ source: 1, destination: i + 100, position: 1000 - i })));
  await follows.write(Array.from({ length: 30 }, (_, i) => ({ source: i + 85, destination: 1, position: i })));
  await follows.write(Array.from({ length: many }, (_, i) => ({ source: 2, destination: first + i, position: i })));
  await follows.negate(1, 90, { position: 5 });
});

afterAll(async () => {
  await roost.close();
  await server.close();
});

const range = (from: number, to: number): bigint[] =>
  Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => BigInt(from < to ? from + i : from - i));

async function collect(ids: AsyncIterable<bigint>): Promise<bigint[]> {
  const all: bigint[] = [];
  for await (const id of ids) all.push(id);
  return all;
}

describe('a set', () => {
  it('is walked by position, greatest first', async () => {
    expect(await collect(follows.from(1n))).toEqual(range(100, 129));
    expect(await collect(follows.to(1n))).toEqual(range(114, 85));
    expect(await collect(follows.from(3n))).toEqual([]);
  });

  it('is walked over many pages, each asked for once', async () => {
    flock.calls.length = 0;
    expect(await collect(follows.from(2n))).toEqual(range(last, first));
    expect(flock.calls).toEqual(['select', 'select', 'select', 'select']);
    const pages: number[] = [];
    for await (const page of follows.from(2n).pages()) pages.push(page.length);
    expect(pages).toEqual([250, 1_000, 4_000, 1_750]);
  });

  it('asks for no more than the next page when the loop ends early', async () => {
    flock.calls.length = 0;
    for await (const id of follows.from(2n)) if (id === BigInt(last - 3)) break;
    expect(flock.calls.length).toBeLessThanOrEqual(2);
    expect(await follows.from(2n).ids(3)).toEqual(range(last, last - 2));
    expect(await follows.from(2n).ids(many * 2)).toHaveLength(many);
  });

  it('gives each id once to callers that do not wait for each other', async () => {
    const iterator = follows.from(2n)[Symbol.asyncIterator]();
    const results = await Promise.all(Array.from({ length: 600 }, () => iterator.next()));
    expect(results.map(({ value }) => value)).toEqual(range(last, last - 599));
    await iterator.return();
  });

  it('is paged forward and back', async () => {
    const page = await follows.from(1n).page({ count: 10 });
    expect(page).toEqual({
      ids: BigInt64Array.from(range(100, 109)),
      nextCursor: 991n,
      prevCursor: 0n,
      partial: false,
      next: expect.stringMatching(/^991\.[0-9a-f]{8}$/) as string,
    });
    const second = await follows.from(1n).page({ count: 10, cursor: page.nextCursor });
    expect(second.ids).toEqual(BigInt64Array.from(range(110, 119)));
    expect((await follows.from(1n).page({ count: 10, cursor: second.prevCursor })).ids).toEqual(page.ids);
  });

  it('refuses the cursor text of another query', async () => {
    const { next } = await follows.from(1n).page({ count: 10 });
    const { ids, previous } = await follows.from(1n).page({ count: 10, cursor: next! });
    expect(ids).toEqual(BigInt64Array.from(range(110, 119)));
    expect((await follows.from(1n).page({ count: 10, cursor: previous! })).ids).toEqual(
      BigInt64Array.from(range(100, 109)),
    );
    flock.calls.length = 0;
    for (const other of [
      follows.from(2n),
      follows.to(1n),
      follows.from(1n).in('negative'),
      follows.from(1n).between(1, 2),
      follows.from(1n).intersect(follows.to(1n)),
    ]) {
      await expect(other.page({ cursor: next! })).rejects.toMatchObject({
        code: 'InvalidArgument',
        message: expect.stringContaining('belongs to another query') as string,
      });
    }
    expect(flock.calls).toEqual([]);
  });

  it('is bounded by positions', async () => {
    expect(await collect(follows.from(1n).between(981, 985))).toEqual(range(115, 119));
    expect(await follows.from(1n).between(981, 985).count({ exact: true })).toBe(5n);
    expect(
      await collect(
        follows
          .from(1n)
          .between(981, 985)
          .intersect(follows.from(1n).among([117, 120])),
      ),
    ).toEqual([117n]);
  });

  it('gives its newest, of ids and of edges, asking for no more', async () => {
    flock.calls.length = 0;
    expect(await follows.from(2n).ids(3)).toEqual(range(last, last - 2));
    expect((await follows.from(2n).newest(2)).map(({ position }) => position)).toEqual([
      BigInt(many - 1),
      BigInt(many - 2),
    ]);
    expect((await follows.from(2n).between(0, many).newest(2)).map(({ position }) => position)).toEqual([
      BigInt(many - 1),
      BigInt(many - 2),
    ]);
    expect(flock.calls).toEqual(['select', 'newest', 'selectEdges']);
    const edges = [];
    for await (const page of follows.from(1n).edgePages()) edges.push(...page);
    expect(edges.map(({ destinationId }) => destinationId)).toEqual(range(100, 129));
  });

  it('accepts the cursor of a first page as any other', async () => {
    for (const cursor of [-1n, -1, '-1'])
      expect((await follows.from(1n).page({ count: 2, cursor })).ids).toEqual(BigInt64Array.of(100n, 101n));
  });

  it('is refused alone, and fails no page that is asked for at the same time', async () => {
    flock.refused = 3n;
    try {
      const pages = await Promise.allSettled([1n, 3n, 2n, 4n].map((id) => follows.from(id).page({ count: 2 })));
      expect(
        pages.map((page) => (page.status === 'fulfilled' ? [...page.value.ids] : (page.reason as RoostError).code)),
      ).toEqual([[100n, 101n], 'FailedPrecondition', range(last, last - 1), []]);
    } finally {
      flock.refused = undefined;
    }
  });

  it('is asked for its newest together with others, of one graph and of the same states', async () => {
    flock.calls.length = 0;
    const [one, two, none, backward] = await Promise.all([
      follows.from(1n).newest(2),
      follows.from(2n).newest(2),
      follows.from(3n).newest(2),
      follows.to(1n).newest(2),
    ]);
    expect(flock.calls).toEqual(['newest', 'newest']);
    expect([one, two, none].map((edges) => edges.map(({ destinationId }) => destinationId))).toEqual([
      range(100, 101),
      range(last, last - 1),
      [],
    ]);
    expect(backward.map(({ sourceId, destinationId }) => [sourceId, destinationId])).toEqual([
      [114n, 1n],
      [113n, 1n],
    ]);
    expect(await follows.newestOfMany([2, 3, 1], 2)).toEqual([two, none, one]);
    expect(await follows.newestOfMany([1], 1, { direction: 'backward', states: ['negative'] })).toEqual([[]]);
    expect((await follows.newestOfMany(range(0, 99), 5_000)).map(({ length }) => length)).toEqual(
      Array.from({ length: 100 }, (_, i) => [0, 30, 5_000][i] ?? (i < 85 ? 0 : 1)),
    );
  });

  it('goes on after partial pages', async () => {
    flock.idsPerPage = 7;
    try {
      expect(await follows.from(1n).page({ count: 10 })).toMatchObject({
        partial: true,
        ids: BigInt64Array.from(range(100, 106)),
      });
      expect(await collect(follows.from(1n))).toEqual(range(100, 129));
      expect(await follows.from(1n).ids(20)).toEqual(range(100, 119));
      expect(await follows.from(1n).intersect(follows.to(1n)).count({ exact: true })).toBe(15n);
    } finally {
      flock.idsPerPage = Infinity;
    }
  });

  it('explains how its page was read', async () => {
    const explanation = await follows.from(1n).explain({ count: 5 });
    expect(explanation).toMatchObject({
      plan: 'term',
      estimate: 30n,
      rowsRead: 5,
      page: { ids: BigInt64Array.from(range(100, 104)), partial: false },
    });
  });

  it('may be of other states, and of given ids only', async () => {
    expect(await collect(follows.from(1n, { states: ['negative'] }))).toEqual([90n]);
    expect(await follows.from(1n, { states: ['negative', 'normal'] }).count()).toBe(31n);
    expect(await collect(follows.from(1n, { among: [99, '100', 101n] }))).toEqual([101n, 100n]);
  });

  it('returns whole edges', async () => {
    const { edges, nextCursor } = await follows.to(1n).edgePage({ count: 2 });
    expect(edges).toMatchObject([
      { sourceId: 114n, destinationId: 1n, position: 29n, state: 'normal' },
      { sourceId: 113n, destinationId: 1n, position: 28n },
    ]);
    expect(nextCursor).toBe(28n);
  });

  it('fails when a page fails', async () => {
    flock.before = (method) => {
      if (method === 'select' && flock.calls.length > 2) throw new RoostError('DataLoss', 'no');
    };
    flock.calls.length = 0;
    await expect(collect(follows.from(2n))).rejects.toMatchObject({ code: 'DataLoss' });
    flock.before = () => undefined;
  });
});

describe('a combination', () => {
  it('comes by id, greatest first', async () => {
    const friends = follows.from(1n).intersect(follows.to(1n));
    expect(await collect(friends)).toEqual(range(114, 100));
    expect(await friends.count()).toBe(15n);
    expect((await friends.page({ count: 3 })).ids).toEqual(BigInt64Array.from(range(114, 112)));
    expect(await collect(follows.to(1n).difference(follows.from(1n)))).toEqual(range(99, 85));
    expect(await follows.from(1n).union(follows.to(1n)).ids(100)).toEqual(range(129, 85));
  });

  it('is of any number of sets', async () => {
    const [from, to] = [follows.from(1n), follows.to(1n)];
    expect(await collect(from.intersect(to, from.among([105, 90, 106])))).toEqual([106n, 105n]);
    expect(await collect(to.difference(from, follows.to(1n).among([85, 86])))).toEqual(range(99, 87));
    expect(await from.union(to, follows.from(2n)).count()).toBe(BigInt(45 + many));
  });

  it('refuses to be narrowed further', () => {
    const both = follows.from(1n).union(follows.to(1n));
    for (const narrow of [() => both.in('normal'), () => both.among([1]), () => both.between(1, 2)])
      expect(narrow).toThrow(expect.objectContaining({ code: 'InvalidArgument' }) as Error);
  });

  it('travels with others in one call', async () => {
    flock.calls.length = 0;
    const pages = await roost.pages([follows.from(1n), follows.to(1n), follows.from(1n).intersect(follows.to(1n))], {
      count: 2,
    });
    expect(pages.map(({ ids }) => [...ids])).toEqual([range(100, 101), range(114, 113), range(114, 113)]);
    expect((await follows.to(1n).page({ count: 1, cursor: pages[1]!.next! })).ids).toEqual(BigInt64Array.of(112n));
    expect(flock.calls).toEqual(['select', 'select', 'select', 'select']);
    expect(await roost.pages([])).toEqual([]);
  });

  it('does not change what it is made of', async () => {
    const from = follows.from(1n);
    from.intersect(follows.to(1n)).union(follows.from(2n));
    expect(await from.count()).toBe(30n);
  });

  it('of any shape answers as sets do', async () => {
    type Shape = { set: number } | { kind: 'intersect' | 'union' | 'difference'; left: Shape; right: Shape };
    const sets: [() => NodeQuery, Set<bigint>][] = [
      [() => follows.from(1n), new Set(range(100, 129))],
      [() => follows.to(1n), new Set(range(85, 114))],
      [() => follows.from(1n, { among: range(95, 105) }), new Set(range(100, 105))],
      [() => follows.from(3n), new Set()],
    ];
    const query = (shape: Shape): NodeQuery =>
      'set' in shape ? sets[shape.set]![0]() : query(shape.left)[shape.kind](query(shape.right));
    const model = (shape: Shape): Set<bigint> => {
      if ('set' in shape) return sets[shape.set]![1];
      const [left, right] = [model(shape.left), model(shape.right)];
      if (shape.kind === 'union') return new Set([...left, ...right]);
      return new Set([...left].filter((id) => right.has(id) === (shape.kind === 'intersect')));
    };
    const { shape } = fc.letrec<{ shape: Shape }>((tie) => ({
      shape: fc.oneof(
        { maxDepth: 3 },
        fc.nat(sets.length - 1).map((set) => ({ set })),
        fc.record({
          kind: fc.constantFrom('intersect', 'union', 'difference'),
          left: tie('shape'),
          right: tie('shape'),
        }),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(shape, async (each) => {
        const found = await collect(query(each));
        expect(new Set(found)).toEqual(model(each));
      }),
    );
  });

  it('is of one client, and of a bounded size', async () => {
    const other = await connect(server.address);
    const foreign = (await other.graph('follows')).from(1n);
    expect(() => follows.from(1n).union(foreign)).toThrow(
      expect.objectContaining({ code: 'InvalidArgument' }) as Error,
    );
    await other.close();
    expect(() =>
      Array.from({ length: 300 }).reduce<NodeQuery>((query) => query.union(follows.from(1n)), follows.from(2n)),
    ).toThrow(/256 terms/);
  });
});
