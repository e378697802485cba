import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deadline } from '../core/index.js';
import { testRowForm } from '../test/cache/rows.js';
import { freshCluster } from '../test/support/index.js';
import {
  FragmentCache,
  LeasedCache,
  openCaches,
  PageCache,
  RowCache,
  VectorCache,
  vectorOf,
  type Caches,
  type LeasedCacheOptions,
} from './index.js';

// A loader says by its deadline that a replica which lacks writes had to answer.
const { config } = freshCluster('caches_lagging', { cache: { pages: [], deadlineMs: 1_000 } });
const life = { ttlSeconds: 100, absentTtlSeconds: 100 };
const firstLevel = { entries: 10, seconds: 100 };
let caches: Caches;
let lagging = false;
/** What the databases hold. The lagging replica says 0. */
let stored = 0;
let loads = 0;
let slowMs = 0;

beforeAll(async () => {
  caches = await openCaches(config);
});
afterAll(() => caches.close());

async function load(deadline: Deadline): Promise<number> {
  loads++;
  if (slowMs > 0) await sleep(slowMs);
  if (lagging) deadline.sawLagging();
  return lagging ? 0 : stored;
}

type RowOptions = Pick<LeasedCacheOptions<bigint, { version: bigint; text: string }>, 'load' | 'firstLevel'>;
const rowLoad: RowOptions['load'] = async (keys, deadline) => {
  const version = BigInt(await load(deadline));
  return new Map(keys.map((key) => [key, { version, text: '' }]));
};
const rowsOf = (name: string, options: Partial<RowOptions> = {}) =>
  new RowCache<bigint, { version: bigint; text: string }>(caches.main, {
    ...life,
    ...testRowForm,
    name,
    load: rowLoad,
    ...options,
  });

/** Each kind of cache, by a reader of one key of it. */
const kinds: Readonly<Record<string, () => () => Promise<number | undefined>>> = {
  'a row cache': () => {
    const rows = rowsOf('row');
    return async () => Number((await rows.getOne(1n))?.version);
  },
  'a row cache whose rows this process keeps as well': () => {
    const rows = rowsOf('rowFirst', { firstLevel });
    return async () => Number((await rows.getOne(1n))?.version);
  },
  'a leased cache': () => {
    const { codec } = testRowForm;
    const cache = new LeasedCache(caches.main, { ...life, name: 'leased', codec, load: rowLoad });
    return async () => Number((await cache.getOne(1n))?.version);
  },
  'a vector cache': () => {
    const vectors = new VectorCache<bigint>(caches.main, {
      ...life,
      name: 'vector',
      maxCount: 10,
      load: async (keys, deadline) => {
        const id = BigInt(await load(deadline));
        return new Map(keys.map((key) => [key, vectorOf([{ id, position: 1n }], true)]));
      },
    });
    return async () => Number((await vectors.getOne(1n))!.ids[0]);
  },
  'a fragment cache': () => {
    const fragments = new FragmentCache(caches.main, {
      ...life,
      name: 'fragment',
      formats: ['text'],
      render: async (_format, ids, deadline) => {
        const text = Buffer.from(String(await load(deadline)));
        return new Map(ids.map((id) => [id, text]));
      },
    });
    return async () => Number((await fragments.get('text', [1n])).get(1n));
  },
  'a fragment cache over a row cache': () => {
    const rows = rowsOf('rowBelow');
    const fragments = new FragmentCache(caches.main, {
      ...life,
      name: 'fragmentOver',
      formats: ['text'],
      render: async (_format, ids, deadline) => {
        const found = await rows.get(ids, deadline);
        return new Map([...found].map(([id, { version }]) => [id, Buffer.from(String(version))]));
      },
    });
    return async () => Number((await fragments.get('text', [1n])).get(1n));
  },
  'a page cache': () => {
    const pages = new PageCache(caches.main, {
      ...life,
      name: 'page',
      render: async (_family, _page, deadline) => Buffer.from(String(await load(deadline))),
    });
    return async () => Number(await pages.get('family', 'page'));
  },
};

describe.each(Object.entries(kinds))('%s', (_kind, make) => {
  it('does not cache the answer of a lagging replica, and caches that of a current one', async () => {
    const read = make();
    [lagging, stored, loads] = [true, 7, 0];
    expect([await read(), await read(), loads]).toEqual([0, 0, 2]);
    lagging = false;
    expect([await read(), await read(), loads]).toEqual([7, 7, 3]);
    // It stays in the cache, and is read from there when only the lagging replica is left.
    lagging = true;
    expect([await read(), loads]).toEqual([7, 3]);
  });
});

it('readers that come together while only a lagging replica answers share its answers, and wait for nobody', async () => {
  const rows = rowsOf('together');
  [lagging, loads, slowMs] = [true, 0, 20];
  const startMs = performance.now();
  const found = await Promise.all(Array.from({ length: 100 }, () => rows.getOne(1n)));
  slowMs = 0;
  expect(new Set(found.map((row) => row?.version))).toEqual(new Set([0n]));
  // Otherwise each would take the lease in turn, and the others wait for a second.
  expect(loads).toBeLessThan(5);
  expect(performance.now() - startMs).toBeLessThan(800);
});

it('a write of a lagging replica makes no entry, and merges into one that is there', async () => {
  const rows = rowsOf('written');
  [lagging, stored] = [false, 5];
  const isCurrent = (): Promise<boolean> => Promise.resolve(false);
  const write = (version: bigint) => () => Promise.resolve(new Map([[1n, { version, text: '' }]]));
  await rows.through([1n], write(3n), isCurrent);
  expect((await rows.getOne(1n))?.version).toBe(5n);
  await rows.through([1n], write(9n), isCurrent);
  expect((await rows.getOne(1n))?.version).toBe(9n);
  await rows.through([1n], write(4n), isCurrent);
  expect((await rows.getOne(1n))?.version).toBe(9n);
});
