import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { limits, RoostError } from '../core/index.js';
import { TestFlock } from '../test/inMemory/testFlock.js';
import { startTestServer, type TestServer } from '../test/inMemory/testServer.js';
import { connect, type EdgeInput, type Graph, type Roost } from './index.js';

let flock: TestFlock;
let server: TestServer;
let roost: Roost;
let follows: Graph;

beforeAll(async () => {
  flock = new TestFlock();
  server = await startTestServer({ flock });
  roost = await connect(server.address);
  follows = await roost.graph('follows');
});

beforeEach(() => {
  flock.calls.length = 0;
  flock.before = () => undefined;
});

afterAll(async () => {
  await roost.close();
  await server.close();
});

const source = ((): (() => bigint) => {
  let last = 2n ** 60n;
  return () => last++;
})();

describe('edges', () => {
  it('are sent as adds, negates, archives and removes', async () => {
    const a = source();
    expect(await follows.state(a, 1)).toBeUndefined();
    expect(await follows.get(a, 1)).toBeUndefined();
    expect(await follows.contains(a, 1)).toBe(false);
    await follows.add(a, 1, { position: 7 });
    expect(await follows.get(a, 1)).toMatchObject({ sourceId: a, destinationId: 1n, position: 7n, state: 'normal' });
    await follows.negate(a, 1, { position: -8n });
    expect(await follows.get(a, 1)).toMatchObject({ position: -8n, state: 'negative' });
    expect([await follows.contains(a, 1), await follows.contains(a, 1, { states: ['normal'] })]).toEqual([true, false]);
    await follows.archive(a, 1);
    expect(await follows.get(a, 1)).toMatchObject({ position: -8n, state: 'archived' });
    await follows.remove(a, 1);
    expect([await follows.state(a, 1), await follows.contains(a, 1)]).toEqual(['removed', false]);
  });

  it('take ids as bigint, number and decimal string', async () => {
    const max = 2n ** 63n - 1n;
    await follows.add(String(max), 12);
    expect(await follows.contains(max, '12')).toBe(true);
    expect(await follows.get(max, 12n)).toMatchObject({ sourceId: max, destinationId: 12n });
  });

  it('are sent with the time that the caller gives', async () => {
    const a = source();
    await follows.add(a, 1, { at: 1_000_000n });
    expect(await follows.get(a, 1)).toMatchObject({ updatedAt: 1_000_000n, position: 1_000_000n });
    await follows.remove(a, 1, { at: 999_999 });
    expect(await follows.state(a, 1)).toBe('normal');
  });

  it('have their counts read by direction and state', async () => {
    const a = source();
    await Promise.all([
      follows.add(a, 1),
      follows.add(a, 2),
      follows.negate(a, 3),
      follows.archive(a, 4),
      follows.add(5, a),
    ]);
    expect(await follows.counts(a)).toEqual({ normal: 2n, negative: 1n, archived: 1n, removed: 0n });
    expect(await follows.count(a)).toBe(2n);
    expect(await follows.count(a, { states: ['normal', 'archived', 'normal'] })).toBe(3n);
    expect(await follows.count(a, { direction: 'backward' })).toBe(1n);
    expect(await follows.count(source())).toBe(0n);
  });

  it('are read and written in their graph alone', async () => {
    const a = source();
    const blocks = await roost.graph('blocks');
    await blocks.add(a, 1);
    expect([await blocks.contains(a, 1), await follows.contains(a, 1)]).toEqual([true, false]);
  });
});

describe('calls made at the same time', () => {
  it('travel in one call', async () => {
    const a = source();
    const ids = Array.from({ length: 64 }, (_, i) => BigInt(i + 10_000));
    await Promise.all(ids.map((id) => (id % 2n === 0n ? follows.add(a, id) : follows.negate(a, id))));
    expect(flock.calls).toEqual(['write']);
    const found = await Promise.all(ids.map((id) => follows.state(a, id)));
    expect(found).toEqual(ids.map((id) => (id % 2n === 0n ? 'normal' : 'negative')));
    expect((await Promise.all(ids.map((id) => follows.get(a, id)))).map((edge) => edge?.destinationId)).toEqual(ids);
    expect(
      (await Promise.all(ids.map((id) => follows.counts(id, { direction: 'backward' })))).map(
        ({ normal }) => normal > 0n,
      ),
    ).toEqual(ids.map((id) => id % 2n === 0n));
    expect(flock.calls).toEqual(['write', 'states', 'edges', 'counts']);
  });

  it('travel apart where their options differ', async () => {
    const a = source();
    await Promise.all([
      follows.add(a, 1),
      follows.add(a, 2),
      follows.add(a, 3, { priority: 'low' }),
      follows.add(a, 4, { acknowledgment: 'materialized' }),
      follows.add(a, 5, { position: 1 }),
      follows.add(a, 6, { at: 1 }),
      follows.add(a, 7, { deadlineMs: 777 }),
      follows.contains(a, 1),
      follows.contains(a, 1, { deadlineMs: 777 }),
      follows.count(a),
      follows.count(a, { direction: 'backward' }),
    ]);
    expect([...flock.calls].sort()).toEqual([
      'counts',
      'counts',
      'states',
      'write',
      'write',
      'write',
      'write',
      'write',
      'write',
    ]);
  });

  it('travel in calls of a bounded size', async () => {
    const a = source();
    await Promise.all(Array.from({ length: limits.bulkWriteEdges + 1 }, (_, i) => follows.add(a, i)));
    expect(flock.calls).toEqual(['write', 'write']);
    expect(await follows.count(a)).toBe(BigInt(limits.bulkWriteEdges + 1));
  });

  it('fail alone where one of them is malformed', async () => {
    const a = source();
    const [good, bad] = await Promise.allSettled([follows.add(a, 1), follows.add(a, -1)]);
    expect([good.status, bad.status]).toEqual(['fulfilled', 'rejected']);
    expect(await follows.contains(a, 1)).toBe(true);
  });
});

it('sends options to the server', async () => {
  await follows.add(source(), 1, { priority: 'low', acknowledgment: 'materialized', deadlineMs: 60_000 });
  expect(flock.lastOptions).toMatchObject({ priority: 'low', acknowledgment: 'materialized' });
  const { deadlineMs } = flock.lastOptions!;
  expect(deadlineMs).toBeLessThanOrEqual(60_000);
  expect(deadlineMs).toBeGreaterThan(10_000);
});

describe('many at once', () => {
  it('are asked about in one call, as pairs or as columns', async () => {
    const a = source();
    await follows.write([1, 2, 3].map((i) => ({ source: a, destination: i, position: i })));
    await follows.archive(a, 2);
    flock.calls.length = 0;
    expect(
      await follows.containsMany([
        [a, 1],
        [a, '2'],
        [a, 9n],
        [a, 3],
      ]),
    ).toEqual([true, false, false, true]);
    const columns = { sourceIds: BigInt64Array.of(a, a), destinationIds: BigInt64Array.of(2n, 3n) };
    expect(await follows.containsMany(columns, { states: ['archived'] })).toEqual([true, false]);
    expect((await follows.edgesOfMany(columns)).map((edge) => edge?.position)).toEqual([2n, 3n]);
    expect(await follows.countsOfMany([a, 1, 2], { direction: 'backward' })).toHaveLength(3);
    expect((await follows.countsOfMany([a, source()])).map(({ normal }) => normal)).toEqual([2n, 0n]);
    expect(flock.calls).toEqual(['states', 'states', 'edges', 'counts', 'counts']);
    expect(await follows.containsMany([])).toEqual([]);
  });

  it('go in calls of a bounded size', async () => {
    const a = source();
    await follows.add(a, limits.idsPerCall);
    flock.calls.length = 0;
    const found = await follows.containsMany(
      Array.from({ length: limits.idsPerCall + 1 }, (_, i): [bigint, number] => [a, i]),
    );
    expect(found.indexOf(true)).toBe(limits.idsPerCall);
    expect(flock.calls).toEqual(['states', 'states']);
  });
});

describe('mass operations', () => {
  it('are sent for either direction or both', async () => {
    const a = source();
    await follows.write([
      [a, 1],
      [a, 2],
      [7, a],
    ]);
    await follows.archiveAll(a);
    expect([await follows.state(a, 1), await follows.state(a, 2), await follows.state(7, a)]).toEqual([
      'archived',
      'archived',
      'normal',
    ]);
    await follows.addAll(a);
    await follows.negateAll(a, { direction: 'backward' });
    expect([await follows.state(a, 1), await follows.state(7, a)]).toEqual(['normal', 'negative']);
    flock.calls.length = 0;
    await follows.removeAll(a, { direction: 'both', priority: 'low' });
    expect(flock.calls).toEqual(['execute']);
    expect(flock.lastOptions).toMatchObject({ priority: 'low' });
    expect([await follows.state(a, 1), await follows.state(7, a)]).toEqual(['removed', 'removed']);
    expect(await follows.node(a)).toMatchObject({ color: 'normal', counts: { removed: 2n } });
    expect(await follows.nodes([source(), a], { direction: 'backward' })).toMatchObject([
      undefined,
      { removedThrough: -1n, counts: { removed: 1n } },
    ]);
  });
});

describe('a batch', () => {
  it('travels in one call, whatever it holds', async () => {
    const a = source();
    const blocks = await roost.graph('blocks');
    flock.calls.length = 0;
    await roost.batch((batch) => {
      batch.in(follows).add(a, 1, { position: 5 }).add(a, 2).negate(a, 3, { at: 77 }).archive(a, 4);
      batch.in(blocks).add(a, 9);
    });
    expect(flock.calls).toEqual(['execute']);
    expect(await follows.edgesOfMany([1, 2, 3, 4].map((i) => [a, i]))).toMatchObject([
      { position: 5n },
      { state: 'normal' },
      { updatedAt: 77n, state: 'negative' },
      { state: 'archived' },
    ]);
    expect(await blocks.contains(a, 9)).toBe(true);
  });

  it('keeps the order, between edges and mass operations too', async () => {
    const a = source();
    await follows.batch((batch) => batch.add(a, 1).add(a, 2, { position: 9 }).remove(a, 2));
    expect([await follows.state(a, 1), await follows.state(a, 2)]).toEqual(['normal', 'removed']);
    await follows.batch((batch) => batch.add(a, 3).removeAll(a).add(a, 4));
    const { edges } = await follows.from(a).edgePage();
    expect(edges.map(({ destinationId }) => destinationId)).toContain(4n);
  });

  it('that stayed empty is not sent, and one that is too large is refused before it is', async () => {
    flock.calls.length = 0;
    await follows.batch(() => undefined);
    await expect(
      follows.batch((batch) => {
        for (let i = 0; i < 100_000; i++) batch.add(1, i);
      }),
    ).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining(String(limits.operationsPerWrite)) as string,
    });
    await expect(follows.batch((batch) => batch.add(1, 2).archiveAll(-1))).rejects.toMatchObject({
      code: 'InvalidArgument',
    });
    await expect(follows.batch((batch) => batch.archiveAll(1, { direction: 'up' as never }))).rejects.toMatchObject({
      code: 'InvalidArgument',
    });
    expect(flock.calls).toEqual([]);
  });

  it('on a graph that does not exist writes nothing', async () => {
    const a = source();
    await expect(
      roost.batch((batch) => (batch.in(follows).add(a, 1), batch.in({ id: 99 }).archiveAll(a))),
    ).rejects.toMatchObject({ code: 'NotFound' });
    expect(await follows.state(a, 1)).toBeUndefined();
  });
});

describe('bulk writes', () => {
  it('take pairs and objects, from any iterable', async () => {
    const a = source();
    async function* edges(): AsyncGenerator<EdgeInput | [bigint, number]> {
      for (let i = 0; i < 2 * limits.bulkWriteEdges + 10; i++)
        yield i % 3 === 0 ? [a, i] : { source: a, destination: i, ...(i % 3 === 1 ? { position: i } : {}) };
    }
    expect(await follows.write(edges())).toBe(2 * limits.bulkWriteEdges + 10);
    expect(flock.calls.length).toBeLessThanOrEqual(4);
    expect(await follows.count(a)).toBe(BigInt(2 * limits.bulkWriteEdges + 10));
    expect(await follows.get(a, 1)).toMatchObject({ position: 1n });
    expect(await follows.write([], { operation: 'remove' })).toBe(0);
    expect(
      await follows.write(
        [
          [a, 1],
          [a, 2],
        ],
        { operation: 'remove' },
      ),
    ).toBe(2);
    expect(await follows.counts(a)).toMatchObject({ removed: 2n });
  });

  it('take columns of any length', async () => {
    const a = source();
    const length = limits.bulkWriteEdges + 1;
    const sourceIds = new BigInt64Array(length).fill(a);
    const destinationIds = BigInt64Array.from({ length }, (_, i) => BigInt(i));
    await follows.writeColumns({
      sourceIds,
      destinationIds,
      positions: destinationIds.toReversed(),
      times: new BigInt64Array(length).fill(5n),
    });
    expect(flock.calls).toEqual(['write', 'write']);
    expect(await follows.get(a, length - 1)).toMatchObject({ position: 0n, updatedAt: 5n });
    await expect(follows.writeColumns({ sourceIds, destinationIds: new BigInt64Array(1) })).rejects.toMatchObject({
      code: 'InvalidArgument',
    });
  });

  it('stop with the first error', async () => {
    const a = source();
    flock.before = () => {
      if (flock.calls.length === 3) throw new RoostError('FailedPrecondition', 'no');
    };
    const edges = Array.from({ length: 100 * limits.bulkWriteEdges }, (_, i): [bigint, number] => [a, i]);
    await expect(follows.write(edges)).rejects.toMatchObject({ code: 'FailedPrecondition', message: 'no' });
    expect(flock.calls.length).toBeLessThan(50);
  });

  it('stop with a malformed edge, having written those before it', async () => {
    const a = source();
    await expect(follows.write([{ source: a, destination: 1.5 }])).rejects.toMatchObject({ code: 'InvalidArgument' });
    expect(flock.calls).toEqual([]);
  });
});

describe('bad input is refused with InvalidArgument, and nothing is sent', () => {
  it.each<[string, () => unknown]>([
    ['a negative id', () => follows.add(-1n, 2n)],
    ['an id of 64 bits', () => follows.contains(2n ** 63n, 1n)],
    ['a fraction', () => follows.get(1.5, 1)],
    ['NaN', () => follows.count(NaN)],
    ['an unsafe number', () => follows.add(2 ** 53, 1)],
    ['text', () => follows.add('1e3', 1)],
    ['nothing', () => follows.add(undefined as never, 1)],
    ['a position of 65 bits', () => follows.add(1, 2, { position: 2n ** 63n })],
    ['a time before 1970', () => follows.add(1, 2, { at: -1 })],
    ['a priority that does not exist', () => follows.add(1, 2, { priority: 'urgent' as never })],
    ['an acknowledgment that does not exist', () => follows.add(1, 2, { acknowledgment: 'maybe' as never })],
    ['an operation that does not exist', () => follows.write([[1, 2]], { operation: 'toString' as never })],
    ['a deadline of nothing', () => follows.contains(1, 2, { deadlineMs: 0 })],
    ['a deadline of a year', () => follows.contains(1, 2, { deadlineMs: 3e10 })],
    ['a bad node', async () => follows.from(-1)],
    ['a bad count', () => follows.from(1).page({ count: 0 })],
    ['a count that is too large', () => follows.from(1).page({ count: limits.pageSize + 1 })],
    ['a bad cursor', () => follows.from(1).page({ cursor: 'x' })],
    ['a cursor of nonsense', () => follows.from(1).page({ cursor: '5.xyz' })],
    ['a page of -1', () => follows.from(1).page({ count: -1 })],
    ['a page of a billion', () => follows.from(1).page({ count: 1e9 })],
    ['an id outside 64 bits in a list', () => follows.from(1).among([1, 2n ** 64n])],
    ['a position outside 64 bits', () => follows.from(1).between(0, 2n ** 63n)],
    ['a mass operation on half a node', () => follows.archiveAll(0.5)],
    ['a bad limit', () => follows.from(1).ids(0)],
    ['edges of a combination', () => follows.from(1).intersect(follows.to(1)).edgePage()],
  ])('%s', async (_name, call) => {
    await expect(Promise.resolve().then(call)).rejects.toMatchObject({ name: 'RoostError', code: 'InvalidArgument' });
    expect(flock.calls).toEqual([]);
  });
});

it('brings errors over the wire whole', async () => {
  flock.before = () => {
    throw new RoostError('DataLoss', 'the replicas differ', {
      fields: { shard: 'a/t1', row: 2n ** 62n },
      retryable: false,
      retryAfterMs: 17,
    });
  };
  const error: unknown = await follows.contains(1, 2).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RoostError);
  expect((error as RoostError).toWire()).toEqual({
    code: 'DataLoss',
    message: 'the replicas differ',
    fields: { shard: 'a/t1', row: String(2n ** 62n) },
    retryable: false,
    retryAfterMs: 17,
  });
});

it('finds graphs by name', async () => {
  expect((await roost.graphs()).map(({ id, name }) => [id, name])).toEqual([
    [1, 'follows'],
    [2, 'blocks'],
  ]);
  expect(await roost.graph('follows')).toBe(follows);
  await expect(roost.graph('likes')).rejects.toMatchObject({
    code: 'NotFound',
    fields: { graph: 'likes' },
    message: expect.stringContaining('follows, blocks') as string,
  });
});

it('returns the status of the journal, and where a node lives', async () => {
  expect(await roost.journal()).toEqual({ queued: { high: 1, medium: 2, low: 3 }, failing: 4, bad: 5 });
  expect(await follows.locate(9)).toEqual(flock.locate(1, 9n));
});
