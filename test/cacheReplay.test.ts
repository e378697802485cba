import { afterAll, beforeAll, expect, it } from 'vitest';
import { openCaches, PageCache, type Caches } from '../cache/index.js';
import { Metrics } from '../process/index.js';
import { openTbird, type Tbird } from '../tbird/index.js';
import { freshCluster } from './support/index.js';

// Replays a day of a small Twitter in a few seconds, through the tweets' own service. Who reads whom follows Zipf's
// law, and most requests are for the newest tweets of a user. 85 of 100 requests come through the API and ask for
// fragments, some also for rows; the others ask for a page. There are 50 reads to a write. The caches are empty at
// the start. Counting starts after a warm-up in which each user has been asked for: a cache that has just started
// holds nothing yet, and says nothing about the others.

const { config } = freshCluster('replay', { cache: { tweets: true, deadlineMs: 1_000 } });
const users = 100;
const tweetsOfUser = 25;
const warmUpRequests = 1_000;
const requests = 2_000;
const requestsAtOnce = 25;
const readsPerWrite = 50;
const apiShare = 0.85;
const newest = 20;

let caches: Caches;
let tbird: Tbird;
const metrics = new Metrics();

beforeAll(async () => {
  // Pages have their own pool. Here the pool is one of the two nodes under other names, since nothing is measured in
  // bytes.
  caches = await openCaches({ ...config, cache: { ...config.cache, pages: [config.memcached[1]!] } }, { metrics });
  tbird = await openTbird(config, { create: true, work: true, caches });
  await tbird.setup({ policy: { windowMs: 86_400_000, stripes: 2, replicas: 1 }, graphShards: 2 });
  for (let user = 1; user <= users; user++) {
    await tbird.create(
      Array.from({ length: tweetsOfUser }, (_, i) => ({ userId: BigInt(user), text: `tweet ${i} of ${user}` })),
      { acknowledgment: 'materialized' },
    );
  }
});
afterAll(async () => {
  await tbird.close();
  await caches.close();
});

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
    return BigInt(cumulative.findIndex((sum) => sum >= at) + 1);
  };
  const pages = new PageCache(caches.pages, {
    name: 'pages',
    ttlSeconds: 600,
    absentTtlSeconds: 5,
    render: async (user) =>
      Buffer.concat(await tbird.timelineFragments('short', { userId: BigInt(user), count: newest })),
  });
  const write = async (): Promise<void> => {
    const user = zipf();
    await tbird.create([{ userId: user, text: 'another' }], { acknowledgment: 'materialized' });
    await pages.bump(String(user));
  };
  const read = async (userId: bigint): Promise<void> => {
    if (random() >= apiShare) return void (await pages.get(String(userId), 'newest'));
    expect(await tbird.timelineFragments('json', { userId, count: newest })).toHaveLength(newest);
    // Clients that take rows: what is written beside a tweet asks for its row.
    if (random() < 0.5) await tbird.get(await tbird.timeline({ userId, count: newest }));
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
    for (let done = 0; done < count; done += requestsAtOnce) {
      await Promise.all(
        Array.from({ length: requestsAtOnce }, (_, i) => ((done + i) % readsPerWrite === 0 ? write() : read(zipf()))),
      );
    }
  };

  for (let user = 1; user <= users; user++) {
    await tbird.timelineFragments('json', { userId: BigInt(user), count: newest });
    await pages.get(String(user), 'newest');
  }
  await run(warmUpRequests);
  const before = await counters();
  await run(requests);
  const after = await counters();
  const rate = (cache: string): number => {
    const of = (kind: string): number => (after.get(`${cache} ${kind}`) ?? 0) - (before.get(`${cache} ${kind}`) ?? 0);
    return of('hits') / (of('hits') + of('misses'));
  };
  const rates = { vector: rate('newest'), row: rate('tweets'), fragment: rate('fragments.json'), page: rate('pages') };
  process.stdout.write(
    `hit rates: ${Object.entries(rates)
      .map(([name, value]) => `${name} ${(100 * value).toFixed(1)} %`)
      .join(', ')}\n`,
  );
  expect(rates.vector).toBeGreaterThanOrEqual(0.99);
  expect(rates.row).toBeGreaterThanOrEqual(0.95);
  expect(rates.fragment).toBeGreaterThanOrEqual(0.95);
  expect(rates.page).toBeGreaterThan(0);
}, 120_000);
