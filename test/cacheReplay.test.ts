import { afterAll, beforeAll, expect, it } from 'vitest';
import { FragmentCache, openCaches, PageCache, RowCache, VectorCache, vectorOf, type Caches, type Vector, type VectorChange } from '../cache/index.js';
import { testRowForm, type TestRow } from './cache/rows.js';
import { Metrics } from '../core/index.js';
import { freshCluster } from './support/index.js';

// A day of a small Twitter in a few seconds: who reads whom follows Zipf's law, most requests are for the newest tweets of a user, 85 of 100 come through the API and
// ask for fragments, the others for a page; 50 reads to a write. The caches are empty at the beginning; what is counted begins after a warm-up.

const { config } = freshCluster('replay', {});
const users = 200;
const warmUpRequests = 6_000;
const requests = 3_000;
const readsPerWrite = 50;
const apiShare = 0.85;
const newest = 20;

let caches: Caches;
const metrics = new Metrics();
beforeAll(async () => {
  // Pages have a pool of their own; here it is one of the two nodes under other names, as nothing is measured in bytes.
  caches = await openCaches({ ...config, cache: { ...config.cache, deadlineMs: 1_000, pages: [config.memcached[1]!] } }, { metrics });
});
afterAll(() => caches.close());

function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 4_294_967_296;
  };
}

it('reaches the hit rates of the design', async () => {
  const random = randomFrom(7);
  const cumulative: number[] = [];
  for (let rank = 1, sum = 0; rank <= users; rank++) cumulative.push((sum += 1 / rank));
  const zipf = (): bigint => {
    const at = random() * cumulative.at(-1)!;
    const rank = cumulative.findIndex((sum) => sum >= at);
    return BigInt(rank + 1);
  };

  const tweets = new Map<bigint, TestRow>();
  const timelines = new Map<bigint, bigint[]>();
  let nextTweet = 1n;
  const tweet = (user: bigint): bigint => {
    const id = nextTweet++;
    tweets.set(id, { version: 1n, text: `tweet ${id} of ${user}` });
    timelines.set(user, [id, ...(timelines.get(user) ?? [])]);
    return id;
  };
  for (let user = 1n; user <= BigInt(users); user++) for (let i = 0; i < 25; i++) tweet(user);

  const life = { ttlSeconds: 600, absentTtlSeconds: 5 };
  const rows = new RowCache<bigint, TestRow>(caches.main, { ...life, name: 'rows', ...testRowForm, load: async (ids) => new Map(ids.map((id) => [id, tweets.get(id)!])) });
  const vectors = new VectorCache<bigint>(caches.main, {
    ...life,
    name: 'vectors',
    maxCount: 100,
    load: async (keys) => new Map(keys.map((key): [bigint, Vector] => [key, vectorOf((timelines.get(key) ?? []).slice(0, 100).map((id) => ({ id, position: id })), (timelines.get(key) ?? []).length <= 100)])),
  });
  const fragments = new FragmentCache(caches.main, {
    ...life,
    name: 'tweets',
    formats: ['json', 'html'],
    render: async (format, ids, deadline) => {
      const found = await rows.get(ids, deadline);
      return new Map(Array.from(found, ([id, { text }]) => [id, Buffer.from(format === 'json' ? JSON.stringify({ id: String(id), text }) : `<p>${text}</p>`)]));
    },
  });
  const pages = new PageCache(caches.pages, {
    ...life,
    name: 'pages',
    render: async (user, page, deadline) => {
      const vector = (await vectors.getOne(BigInt(user), deadline))!;
      return Buffer.concat(await fragments.page('html', vector, Number(page) * newest, newest, deadline));
    },
  });

  const write = async (): Promise<void> => {
    const user = zipf();
    const id = nextTweet;
    await vectors.through([user], async () => {
      await rows.through([id], async () => new Map([[tweet(user), tweets.get(id)!]]));
      return new Map<bigint, VectorChange>([[user, { added: [{ id, position: id }] }]]);
    });
    await pages.bump(String(user));
  };
  const read = async (): Promise<void> => {
    const user = zipf();
    // The newest page most of the time, else the one behind it.
    const start = random() < 0.95 ? 0 : newest;
    if (random() < apiShare) {
      const vector = (await vectors.getOne(user))!;
      const got = await fragments.page('json', vector, start, newest);
      expect(got.length).toBe(Math.min(newest, vector.ids.length - start));
      // Clients that take rows: what is written beside a tweet asks for its row.
      await rows.get([...vector.ids.subarray(start, start + newest)]);
    } else await pages.get(String(user), String(start / newest));
  };
  const counters = async (): Promise<Map<string, number>> => {
    const counts = new Map<string, number>();
    for (const line of (await metrics.registry.metrics()).split('\n')) {
      const [, kind, cache, value] = /^roost_cache_(hits|misses)_total\{cache="([^"]+)"\} (\d+)/.exec(line) ?? [];
      if (kind !== undefined) counts.set(`${cache} ${kind}`, Number(value));
    }
    return counts;
  };

  const run = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 25) {
      await Promise.all(Array.from({ length: 25 }, (_, i) => ((done + i) % readsPerWrite === 0 ? write() : read())));
    }
  };
  await run(warmUpRequests);
  const before = await counters();
  await run(requests);
  const after = await counters();
  const rate = (cache: string): number => {
    const of = (kind: string): number => (after.get(`${cache} ${kind}`) ?? 0) - (before.get(`${cache} ${kind}`) ?? 0);
    return of('hits') / (of('hits') + of('misses'));
  };
  const rates = { vector: rate('vectors'), row: rate('rows'), fragment: rate('tweets.json'), page: rate('pages') };
  process.stdout.write(`hit rates: ${Object.entries(rates).map(([name, value]) => `${name} ${(100 * value).toFixed(1)} %`).join(', ')}\n`);
  expect(rates.vector).toBeGreaterThanOrEqual(0.99);
  expect(rates.row).toBeGreaterThanOrEqual(0.95);
  expect(rates.fragment).toBeGreaterThanOrEqual(0.95);
  expect(rates.page).toBeGreaterThan(0);
}, 120_000);
