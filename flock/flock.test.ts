import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshCluster } from '../test/support/index.js';
import { openFlock, type Flock, type GraphInfo, type Operation, type Term } from './index.js';

const cluster = freshCluster('flock');
let flock: Flock;
let graph: GraphInfo;

const ids = (...values: (bigint | number)[]): BigInt64Array => BigInt64Array.from(values, BigInt);
const write = (
  operations: Operation | Operation[],
  pairs: [number | bigint, number | bigint][],
  extra: { positions?: bigint[]; times?: bigint[] } = {},
): Promise<void> =>
  flock.write(
    {
      graphId: graph.id,
      operations,
      sourceIds: ids(...pairs.map(([source]) => source)),
      destinationIds: ids(...pairs.map(([, destination]) => destination)),
      ...(extra.positions === undefined ? {} : { positions: ids(...extra.positions) }),
      ...(extra.times === undefined ? {} : { times: ids(...extra.times) }),
    },
    { acknowledgment: 'materialized' },
  );
const term = (sourceId: number | bigint, rest: Partial<Term> = {}): { kind: 'term'; term: Term } => ({
  kind: 'term',
  term: { graphId: graph.id, sourceId: BigInt(sourceId), direction: 'forward', states: ['normal'], ...rest },
});

beforeAll(async () => {
  flock = await openFlock(cluster.config, { create: true, work: true });
  graph = await flock.createGraph('follows', { shards: 4, replicas: 2 });
});
afterAll(() => flock.close());

describe('single edges', () => {
  it('are found from both ends once materialized', async () => {
    await write('add', [[1, 2]], { positions: [7n], times: [100n] });
    expect(await flock.states(graph.id, ids(1, 2), ids(2, 1))).toEqual(['normal', undefined]);
    expect(await flock.edges(graph.id, ids(1), ids(2))).toEqual([
      { sourceId: 1n, destinationId: 2n, position: 7n, updatedAt: 100n, state: 'normal' },
    ]);
    expect((await flock.select(term(2, { direction: 'backward' }), { count: 10, cursor: -1n })).ids).toEqual(ids(1));
  });

  it('hold ids up to 2^63 − 1, and positions of both signs', async () => {
    const top = 2n ** 63n - 1n;
    await write(
      'add',
      [
        [top, top - 1n],
        [top, 0],
      ],
      { positions: [-(2n ** 63n), top] },
    );
    expect((await flock.select(term(top), { count: 10, cursor: -1n })).ids).toEqual(ids(0, top - 1n));
    expect((await flock.edges(graph.id, ids(top), ids(top - 1n)))[0]?.position).toBe(-(2n ** 63n));
    expect((await flock.counts(graph.id, 'backward', ids(top - 1n)))[0]?.normal).toBe(1n);
  });

  it('move from state to state by their times, and keep their place when archived and restored', async () => {
    await write(
      'add',
      [
        [10, 11],
        [10, 12],
        [10, 13],
      ],
      { positions: [1n, 2n, 3n], times: [1n, 1n, 1n] },
    );
    await write('archive', [[10, 12]], { times: [5n] });
    await write('remove', [[10, 12]], { times: [4n] });
    expect(await flock.counts(graph.id, 'forward', ids(10))).toEqual([
      { normal: 2n, negative: 0n, archived: 1n, removed: 0n },
    ]);
    expect((await flock.select(term(10, { states: ['normal', 'archived'] }), { count: 10, cursor: -1n })).ids).toEqual(
      ids(13, 12, 11),
    );
    await write('negate', [[10, 12]], { times: [6n], positions: [9n] });
    expect((await flock.edges(graph.id, ids(10), ids(12)))[0]).toMatchObject({ state: 'negative', position: 9n });
    expect(await flock.counts(graph.id, 'backward', ids(12))).toEqual([
      { normal: 0n, negative: 1n, archived: 0n, removed: 0n },
    ]);
  });

  it('count once, however often and with whatever others they are written', async () => {
    await write(
      ['add', 'add', 'remove', 'add'],
      [
        [20, 21],
        [20, 21],
        [20, 22],
        [20, 21],
      ],
      { times: [3n, 3n, 3n, 2n] },
    );
    await Promise.all(Array.from({ length: 20 }, () => write('add', [[20, 21]], { times: [3n] })));
    expect(await flock.counts(graph.id, 'forward', ids(20))).toEqual([
      { normal: 1n, negative: 0n, archived: 0n, removed: 1n },
    ]);
  });
});

describe('pages by position', () => {
  const source = 1000;
  beforeAll(async () => {
    const pairs = Array.from({ length: 25 }, (_, i): [number, number] => [source, 2000 + i]);
    // Positions in runs of five equal ones, so that pages end in the middle of a run.
    await write('add', pairs, { positions: pairs.map((_, i) => BigInt(100 + Math.floor(i / 5))) });
  });
  const newestFirst = Array.from({ length: 25 }, (_, i) => BigInt(2024 - i));

  it.each([1, 3, 5, 7, 24, 25, 26])('of %d go through all entries once, there and back', async (count) => {
    const seen: bigint[] = [];
    let cursor = -1n;
    let last: bigint[] = [];
    let prev = 0n;
    do {
      const page = await flock.select(term(source), { count, cursor });
      last = [...page.ids];
      seen.push(...last);
      expect(page.prevCursor === 0n).toBe(cursor === -1n);
      cursor = page.nextCursor;
      prev = page.prevCursor;
    } while (cursor !== 0n);
    expect(seen).toEqual(newestFirst);

    const back = [...last];
    while (prev !== 0n) {
      const page = await flock.select(term(source), { count, cursor: prev });
      expect(page.nextCursor).not.toBe(0n);
      back.unshift(...page.ids);
      prev = page.prevCursor;
    }
    expect(back).toEqual(newestFirst);
  });

  it('return whole edges, too', async () => {
    const { edges, nextCursor } = await flock.selectEdges(term(source).term, { count: 2, cursor: -1n });
    expect(edges.map((edge) => [edge.destinationId, edge.position])).toEqual([
      [2024n, 104n],
      [2023n, 104n],
    ]);
    expect(nextCursor).toBeGreaterThan(0n);
  });

  it('of many nodes in one call equal those of each node', async () => {
    const nodes = Array.from({ length: 40 }, (_, i) => 1_100 + i);
    const pairs = nodes.flatMap((node, i) =>
      Array.from({ length: i % 7 }, (_, j): [number, number] => [node, 2_000 + ((i * 5 + j * 3) % 11)]),
    );
    await write(
      pairs.map((_, i) => (['add', 'add', 'negate', 'remove'] as const)[i % 4]!),
      pairs,
      { positions: pairs.map((_, i) => BigInt(i % 5)) },
    );
    const [from, to] = [ids(...nodes, 1_199), ids(...Array.from({ length: 12 }, (_, i) => 2_000 + i))];
    for (const states of [['normal'], ['normal', 'negative', 'removed']] as const) {
      for (const [direction, asked] of [
        ['forward', from],
        ['backward', to],
      ] as const) {
        for (const count of [1, 3, 100]) {
          const expected = await Promise.all(
            Array.from(
              asked,
              async (id) =>
                (await flock.selectEdges(term(id, { direction, states, minPosition: 0n }).term, { count, cursor: -1n }))
                  .edges,
            ),
          );
          expect(await flock.newest({ graphId: graph.id, direction, states, count }, asked)).toEqual(expected);
          const ends = expected.map((edges) => edges.map(({ destinationId }) => destinationId));
          expect(await flock.newestIds({ graphId: graph.id, direction, states, count }, asked)).toEqual(ends);
          const below = await Promise.all(
            Array.from(asked, (id) =>
              flock.select(term(id, { direction, states, maxPosition: 2n }), { count, cursor: -1n }),
            ),
          );
          expect(
            await flock.newestIds({ graphId: graph.id, direction, states, count, maxPosition: 2n }, asked),
          ).toEqual(below.map((page) => [...page.ids]));
          // By many callers at once, whose reads are gathered.
          const alone = await Promise.all(
            Array.from(asked, (id) =>
              flock.newest({ graphId: graph.id, direction, states, count }, BigInt64Array.of(id)),
            ),
          );
          expect(alone.flat()).toEqual(expected);
          const pages = await Promise.all(
            Array.from(asked, (id) => flock.select(term(id, { direction, states }), { count, cursor: -1n })),
          );
          expect(pages.map((page) => [...page.ids])).toEqual(ends);
        }
      }
    }
  });

  it.each([
    { count: 0, cursor: -1n },
    { count: 1_000_000_000, cursor: -1n },
    { count: 10, cursor: 0n },
    { count: 10, cursor: 2n ** 62n + 5n },
  ])('refuse the count $count at the cursor $cursor', async (page) => {
    await expect(flock.select(term(source), page)).rejects.toMatchObject({ code: 'InvalidArgument' });
  });
});

describe('set algebra', () => {
  const big = 3000;
  const small = 3001;
  beforeAll(async () => {
    await write(
      'add',
      Array.from({ length: 300 }, (_, i): [number, number] => [big, i]),
    );
    await write(
      'add',
      Array.from({ length: 40 }, (_, i): [number, number] => [small, i * 10]),
    );
  });
  const drain = async (query: Parameters<Flock['select']>[0], count: number): Promise<bigint[]> => {
    const all: bigint[] = [];
    let cursor = -1n;
    do {
      const page = await flock.select(query, { count, cursor });
      all.push(...page.ids);
      cursor = page.nextCursor;
    } while (cursor !== 0n);
    return all;
  };
  const both = Array.from({ length: 30 }, (_, i) => BigInt(290 - i * 10));

  it('intersects, greatest id first, whichever side is the smaller', async () => {
    expect(await drain({ kind: 'intersection', left: term(big), right: term(small) }, 7)).toEqual(both);
    expect(await drain({ kind: 'intersection', left: term(small), right: term(big) }, 100)).toEqual(both);
    expect(await flock.count({ kind: 'intersection', left: term(small), right: term(big) })).toBe(30n);
  });

  it('returns unions and differences', async () => {
    expect(await drain({ kind: 'union', left: term(big), right: term(small) }, 33)).toHaveLength(310);
    expect(await drain({ kind: 'difference', left: term(small), right: term(big) }, 4)).toEqual(
      Array.from({ length: 10 }, (_, i) => BigInt(390 - i * 10)),
    );
  });

  it('pages backwards, also from ids 0 and 1', async () => {
    const query = { kind: 'union', left: term(big), right: term(big) } as const;
    const end = await flock.select(query, { count: 298, cursor: -1n });
    const tail = await flock.select(query, { count: 5, cursor: end.nextCursor });
    expect(tail.ids).toEqual(ids(1, 0));
    const before = await flock.select(query, { count: 2, cursor: tail.prevCursor });
    expect(before.ids).toEqual(ids(3, 2));
  });

  it('returns those of a list of destinations that have an edge, by id', async () => {
    expect(
      (await flock.select(term(big, { destinationIds: ids(5, 9999, 7) }), { count: 10, cursor: -1n })).ids,
    ).toEqual(ids(7, 5));
  });
});

describe('bad input', () => {
  it('is refused before any edge is written', async () => {
    await expect(
      flock.write({ graphId: 99, operations: 'add', sourceIds: ids(1), destinationIds: ids(2) }),
    ).rejects.toMatchObject({ code: 'NotFound' });
    await expect(write('add', [[-1, 2]])).rejects.toMatchObject({ code: 'InvalidArgument' });
    await expect(
      write(
        ['add'],
        [
          [1, 2],
          [1, 3],
        ],
      ),
    ).rejects.toMatchObject({ code: 'InvalidArgument' });
    await expect(write('add', [])).rejects.toMatchObject({ code: 'InvalidArgument' });
    await expect(write('add', [[1, 9]], { times: [2n ** 62n] })).rejects.toMatchObject({ code: 'InvalidArgument' });
    expect(() => flock.graph('nobody')).toThrow(/no graph "nobody"; there are follows/);
    expect((await flock.journal()).queued).toEqual({ high: 0, medium: 0, low: 0 });
  });

  it('creates no graph twice, and none with more replicas than hosts', async () => {
    await expect(flock.createGraph('follows', { shards: 1, replicas: 1 })).rejects.toMatchObject({
      code: 'AlreadyExists',
    });
    await expect(flock.createGraph('blocks', { shards: 1, replicas: 3 })).rejects.toMatchObject({
      code: 'InvalidArgument',
    });
  });
});

it('names the shards and hosts of a node', () => {
  const [forward, backward] = flock.locate(graph.id, 42n);
  expect(forward).toMatchObject({ direction: 'forward', tableId: graph.id });
  expect(backward?.leaves.map((leaf) => leaf.host).sort()).toEqual(['db1', 'db2']);
});
