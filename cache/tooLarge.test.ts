import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packIds } from '../core/index.js';
import { memcachedArguments } from '../playground/memcachedServer.js';
import { freePort } from '../playground/ports.js';
import { Metrics } from '../process/index.js';
import { TestRows, testRowForm, type TestRow } from '../test/cache/rows.js';
import { freshCluster } from '../test/support/index.js';
import { openCaches, RowCache, VectorCache, vectorOf, type Caches } from './index.js';

// A memcached that takes half a megabyte for an item, and a pool that takes less or more: a value is refused by the one or by the other.

const { config } = freshCluster('toolarge', { cache: { deadlineMs: 500 } });
const readers = 30;
let memcached: ChildProcess;
let node: string;

beforeAll(async () => {
  const port = await freePort();
  node = `127.0.0.1:${port}`;
  memcached = spawn('memcached', [...memcachedArguments(port), '-I', '512k'], { stdio: 'inherit' });
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries === 200) throw new Error('memcached does not answer');
    await sleep(25);
  }
});
afterAll(async () => {
  memcached.kill();
  if (memcached.exitCode === null) await once(memcached, 'exit');
});

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });

describe.each([
  ['the pool', 8_192],
  ['the node', 1_000_000],
])('a value too large for %s', (_what, maxValueBytes) => {
  const large = 'x'.repeat(600_000);
  let database: TestRows;
  let metrics: Metrics;
  let caches: Caches;
  let rows: RowCache<bigint, TestRow>;

  beforeAll(async () => {
    metrics = new Metrics();
    caches = await openCaches(
      {
        ...config,
        cluster: `${config.cluster}_${maxValueBytes}`,
        memcached: [node],
        cache: { ...config.cache, maxValueBytes },
      },
      { metrics },
    );
  });
  afterAll(() => caches.close());
  beforeEach(() => {
    database = new TestRows();
    rows = new RowCache(caches.main, {
      name: 'rows',
      ...testRowForm,
      load: database.load,
      ttlSeconds: 100,
      absentTtlSeconds: 100,
    });
  });
  const tooLarge = async (): Promise<number> =>
    Number(/^roost_cache_too_large_total\{cache="rows"\} (\d+)/m.exec(await metrics.registry.metrics())?.[1] ?? 0);

  it('is read from the database by every reader without waiting, and is counted', async () => {
    database.rows.set(1n, { version: 1n, text: large });
    database.rows.set(2n, { version: 1n, text: 'small' });
    const before = await tooLarge();
    expect(await rows.get([1n, 2n])).toEqual(new Map(database.rows));
    expect((await tooLarge()) - before).toBe(1);
    database.reads = 0;
    database.hold = () => sleep(200);
    const found = await Promise.all(Array.from({ length: readers }, () => rows.get([1n, 2n])));
    for (const each of found) expect(each).toEqual(new Map(database.rows));
    // The reads of a moment share one, and those that came while it ran another. Nobody waits for a lease that leads to nothing.
    expect(database.reads).toBeLessThanOrEqual(3);
    expect((await tooLarge()) - before).toBe(1);
  });

  it('replaces a small value, and is replaced by one', async () => {
    const write = (version: bigint, text: string) => rows.through([3n], () => database.write(3n, { version, text }));
    for (const [place, text] of ['small', large, 'small again', large, `${large}!`, 'small at last'].entries()) {
      await write(BigInt(place + 1), text);
      expect((await rows.get([3n])).get(3n)?.text).toBe(text);
    }
    await rows.get([3n]);
    database.reads = 0;
    expect((await rows.get([3n])).get(3n)?.text).toBe('small at last');
    expect(database.reads).toBe(0);
  });

  it('is found when a vector has grown', async () => {
    const step = maxValueBytes / 10;
    let entries = Array.from({ length: 300 }, (_, i) => ({ id: BigInt(i + 1), position: BigInt(i + 1) }));
    const vectors = new VectorCache<bigint>(caches.main, {
      name: 'lists',
      maxCount: 1_000_000,
      load: async (keys) => new Map(keys.map((key) => [key, vectorOf(entries, true)])),
      ttlSeconds: 100,
      absentTtlSeconds: 100,
    });
    for (let round = 0; round < 2; round++) {
      await vectors.through([1n], async () => {
        const added = Array.from({ length: step }, (_, i) => ({
          id: BigInt(entries.length + i + 1),
          position: BigInt(entries.length + i + 1),
        }));
        entries = [...entries, ...added];
        return new Map([[1n, { added }]]);
      });
      expect(packIds((await vectors.get([1n])).get(1n)!.ids).equals(packIds(vectorOf(entries, true).ids))).toBe(true);
    }
  });
});
