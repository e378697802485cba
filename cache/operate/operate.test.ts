import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshCluster } from '../../test/support/index.js';
import {
  undrainNode,
  flushNodes,
  inspectCache,
  openCaches,
  poolStats,
  RowCache,
  drainNode,
  VectorCache,
  vectorOf,
  warmNode,
  type Caches,
  type Vector,
} from '../index.js';
import { TestRows, testRowForm, type TestRow } from '../../test/cache/rows.js';

const { config } = freshCluster('operate', { cache: { deadlineMs: 1_000 } });
const database = new TestRows();
const ids = Array.from({ length: 400 }, (_, i) => BigInt(i));
let caches: Caches;
let rows: RowCache<bigint, TestRow>;

beforeAll(async () => {
  caches = await openCaches(config);
  rows = new RowCache(caches.main, {
    name: 'rows',
    ...testRowForm,
    load: database.load,
    ttlSeconds: 100,
    absentTtlSeconds: 100,
  });
  for (const id of ids) database.rows.set(id, { version: 1n, text: `row ${id}` });
  await rows.get(ids);
});
afterAll(() => caches.close());

describe('an inspection', () => {
  it('finds every stale entry that was planted, and nothing else, while rows are written', async () => {
    const planted = [3n, 77n, 399n];
    // Behind the cache's back: changed, gone, and there after all.
    database.rows.set(3n, { version: 2n, text: 'changed' });
    database.rows.delete(77n);
    await rows.get([1_000n]);
    database.rows.set(1_000n, { version: 1n, text: 'there after all' });
    database.rows.set(399n, { version: 1n, text: 'the same version' });
    let writing = true;
    const writer = (async () => {
      for (let version = 2n; writing; version++) {
        const id = ids[100 + Number(version % 200n)]!;
        await rows.through([id], () => database.write(id, { version, text: `written ${version}` }));
        await sleep(1);
      }
    })();
    const report = await inspectCache(rows, BigInt, { settleMs: 400 });
    writing = false;
    await writer;
    expect(report.stale.map(({ key }) => key).sort((a, b) => Number(a - b))).toEqual([...planted, 1_000n]);
    expect(report.compared).toBe(401);
    expect(report.stale.find(({ key }) => key === 77n)).toMatchObject({ stored: undefined });
    expect(report.stale.find(({ key }) => key === 1_000n)).toMatchObject({ cached: undefined });

    expect(
      (await inspectCache(rows, BigInt, { keys: [3n, 4n, 2_000n], settleMs: 100 })).stale.map(({ key }) => key),
    ).toEqual([3n]);
    await rows.invalidate([...planted, 1_000n]);
    expect((await inspectCache(rows, BigInt, { settleMs: 100 })).stale).toEqual([]);
  });

  it('counts the entries that it could not read, and ejects no node for them', async () => {
    const onlooking = await openCaches(config, { onlooker: true });
    try {
      const looked = new RowCache(onlooking.main, {
        name: 'rows',
        ...testRowForm,
        load: database.load,
        ttlSeconds: 100,
        absentTtlSeconds: 100,
      });
      const [node] = [...onlooking.main!.nodes.keys()];
      // As one that this process alone cannot reach.
      onlooking.main!.node(node!).close();
      const report = await inspectCache(looked, BigInt, { keys: ids, settleMs: 50 });
      expect(report.stale).toEqual([]);
      expect(report.unreachable).toBeGreaterThan(0);
      expect(report.compared + report.missing + report.unreachable).toBe(ids.length);
      expect((await caches.main!.look()).nodes.get(node!)?.state).toBe('in');
    } finally {
      await onlooking.close();
    }
  });

  it('does not report a truncated vector as stale', async () => {
    const list = (from: number, count: number, complete: boolean): Vector =>
      vectorOf(
        Array.from({ length: count }, (_, i) => ({ id: BigInt(from - i), position: BigInt(from - i) })),
        complete,
      );
    let stored = list(100, 10, false);
    const vectors = new VectorCache<bigint>(caches.main, {
      name: 'lists',
      maxCount: 10,
      load: async (keys) => new Map(keys.map((key) => [key, stored])),
      ttlSeconds: 100,
      absentTtlSeconds: 5,
    });
    await vectors.get([1n]);
    await vectors.through([1n], async () => {
      stored = vectorOf([...Array.from(list(99, 10, false).ids, (id) => ({ id, position: id }))], false);
      return new Map([[1n, { removed: [100n] }]]);
    });
    expect((await inspectCache(vectors, BigInt, { settleMs: 50 })).stale).toEqual([]);
    stored = list(98, 10, false);
    expect((await inspectCache(vectors, BigInt, { settleMs: 50 })).stale).toHaveLength(1);
  });
});

it('shows the register and the answers of the nodes', async () => {
  const stats = await poolStats(caches.main!);
  expect(stats.map(({ state, weight }) => [state, weight])).toEqual([
    ['in', 1],
    ['in', 1],
  ]);
  expect(
    stats.every(
      ({ memcached }) => memcached !== undefined && memcached.items > 100 && memcached.maxBytes === 64 * 1024 * 1024,
    ),
  ).toBe(true);
});

it('flushes a node for every process', async () => {
  const other = await openCaches(config);
  const elsewhere = new RowCache(other.main, {
    name: 'rows',
    ...testRowForm,
    load: database.load,
    ttlSeconds: 100,
    absentTtlSeconds: 100,
  });
  await rows.get(ids);
  const before = database.readKeys;
  expect(await flushNodes(caches.main!, [config.memcached[0]!])).toEqual([config.memcached[0]]);
  await elsewhere.get(ids);
  const reloaded = database.readKeys - before;
  expect(reloaded).toBeGreaterThan(50);
  expect(reloaded).toBeLessThan(350);
  await other.close();
  await expect(flushNodes(caches.main!, ['nowhere:1'])).rejects.toMatchObject({ code: 'InvalidArgument' });
});

it('drains a node for every process, and brings it back empty', async () => {
  for (const id of ids) database.rows.set(id, { version: 1n, text: `row ${id}` });
  const gutter = config.memcached[1]!;
  const [node, next] = [config.memcached[0]!, `localhost:${gutter.split(':')[1]}`];
  const cluster = {
    ...config,
    cluster: `${config.cluster}o`,
    memcached: [node, next],
    cache: { ...config.cache, gutter: [gutter] },
  };
  const [first, second] = [await openCaches(cluster), await openCaches(cluster)];
  const cacheOf = (each: Caches) =>
    new RowCache(each.main, {
      name: 'rows',
      ...testRowForm,
      load: database.load,
      ttlSeconds: 100,
      absentTtlSeconds: 100,
    });
  const [here, elsewhere] = [cacheOf(first), cacheOf(second)];
  await here.get(ids);
  const used = async (): Promise<Set<string>> =>
    new Set(
      (await elsewhere.store!.look(ids.map(String))).flatMap((look) =>
        look.kind === 'value' ? [`${look.target.node.name}${look.target.gutter ? ' as gutter' : ''}`] : [],
      ),
    );
  expect(await used()).toEqual(new Set([node, next]));

  expect(await drainNode(first.main!, node)).toBe(true);
  expect(await drainNode(second.main!, node)).toBe(false);
  // What the other process still has is what the node did not have; the rest is loaded, to stay.
  expect(await used()).toEqual(new Set([next]));
  expect((await elsewhere.get(ids)).size).toBe(ids.length);
  expect(await used()).toEqual(new Set([next]));
  const reads = database.readKeys;
  await here.get(ids);
  expect(database.readKeys).toBe(reads);
  await expect(drainNode(first.main!, next)).rejects.toMatchObject({ code: 'FailedPrecondition' });
  // A write while it is out is not undone by what it held.
  const changed = ids.filter((id) => id % 3n === 0n);
  for (const id of changed)
    await here.through([id], () => database.write(id, { version: 1_000n, text: 'written meanwhile' }));

  expect(await undrainNode(second.main!, node)).toBe(true);
  expect(await undrainNode(second.main!, node)).toBe(false);
  expect(await used()).toEqual(new Set([next]));
  for (const id of changed) expect((await elsewhere.get([id])).get(id)?.version).toBe(1_000n);
  await elsewhere.get(ids);
  expect(await used()).toEqual(new Set([node, next]));
  await expect(drainNode(first.main!, 'nowhere:1')).rejects.toMatchObject({ code: 'InvalidArgument' });
  await first.close();
  await second.close();
});

it('warms a new node from its neighbors, and no other node', async () => {
  const small = { ...config, cluster: `${config.cluster}w`, memcached: config.memcached.slice(0, 1) };
  for (const id of ids) database.rows.set(id, { version: 1n, text: `row ${id}` });
  const first = await openCaches(small);
  const before = new RowCache(first.main, {
    name: 'rows',
    ...testRowForm,
    load: database.load,
    ttlSeconds: 100,
    absentTtlSeconds: 100,
  });
  await before.get(ids);
  const lists = (main: Caches['main'], load: () => Promise<Map<bigint, Vector>>): VectorCache<bigint> =>
    new VectorCache(main, { name: 'lists', maxCount: 10, load, ttlSeconds: 100, absentTtlSeconds: 5 });
  const list = lists(
    first.main,
    async () => new Map(ids.slice(0, 50).map((key) => [key, vectorOf([{ id: 1n, position: 1n }], true)])),
  );
  await list.get(ids.slice(0, 50));
  // Changes in front of a vector go along.
  await list.through(
    ids.slice(0, 50),
    async () => new Map(ids.slice(0, 50).map((key) => [key, { added: [{ id: 2n, position: 2n, kind: 1 }] }])),
  );
  const second = await openCaches({ ...small, memcached: config.memcached });
  const node = config.memcached[1]!;
  while (second.main!.nodes.get(node)?.state !== 'warming') await sleep(50);
  const { copied, skipped } = await warmNode(second.main!, node);
  expect(copied).toBeGreaterThan(100);
  expect(copied + skipped).toBeLessThan(340);
  const warmed = await lists(second.main, () => Promise.reject(new Error('it was loaded again'))).get(ids.slice(0, 50));
  expect(Array.from(warmed.values(), ({ ids: of, kinds }) => [...of, ...kinds!])).toEqual(
    Array.from({ length: 50 }, () => [2n, 1n, 1, 0]),
  );
  const reads = database.readKeys;
  const after = new RowCache(second.main, {
    name: 'rows',
    ...testRowForm,
    load: database.load,
    ttlSeconds: 100,
    absentTtlSeconds: 100,
  });
  expect((await after.get(ids)).size).toBe(ids.length);
  expect(database.readKeys).toBe(reads);
  expect((await warmNode(second.main!, node)).copied).toBe(0);
  await expect(warmNode(second.main!, config.memcached[0]!)).rejects.toMatchObject({ code: 'FailedPrecondition' });
  await first.close();
  await second.close();
});
