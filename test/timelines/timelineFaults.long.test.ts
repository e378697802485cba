import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import type { RedisHost } from '../../redis/index.js';
import type { Roost } from '../../sdk/index.js';
import { keyOf, openTimelines, type TimelineService } from '../../timeline/index.js';
import { KillableCluster, patiently, untilApplied } from '../support/killableCluster.js';

// The delivery to many followers survives the loss of the server that does it, and of Redis servers with timelines,
// with and without their data.

/** More followers than one step of a delivery reaches. */
const followers = Number(process.env['ROOST_TEST_FOLLOWERS'] ?? 5_000);
const author = 1n;
const readers = BigInt64Array.from({ length: followers }, (_, i) => BigInt(1_000 + i));
const hosts = ['tl1', 'tl2'];
let cluster: KillableCluster;
let roost: Roost;
/** Reads, and writes nothing. */
let library: TimelineService & { close(): Promise<void> };
const created: bigint[] = [];

beforeAll(async () => {
  cluster = await KillableCluster.start({
    databaseHosts: 1,
    servers: 1,
    redisServers: 3,
    overrides: ({ redisServers: [, tl1, tl2] }) => ({ timeline: { hosts: { tl1: tl1!, tl2: tl2! } } }),
    setUp: async (config) => {
      const service = await openTimelines(config, { work: true, create: true });
      try {
        await service.flock.createGraph('follows', { shards: 2, replicas: 1 });
        await service.tbird.setup({ policy: { replicas: 1 }, graphShards: 2 });
        await service.setup({ shards: 2, replicas: 2 });
        await service.flock.write(
          {
            graphId: service.flock.graph('follows').id,
            operations: 'add',
            sourceIds: readers,
            destinationIds: new BigInt64Array(followers).fill(author),
          },
          { acknowledgment: 'materialized', deadlineMs: 60_000 },
        );
        await Promise.all(
          Array.from(readers, (id) => service.timelines.store(`home:${id}`, [], { deadlineMs: 60_000 })),
        );
      } finally {
        await service.close();
      }
    },
  });
  roost = await cluster.connect();
  library = await openTimelines(cluster.config);
}, 180_000);

afterAll(async () => {
  await library?.close();
  await roost?.close();
  await cluster?.stop();
}, 60_000);

async function tweet(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const text = `tweet ${created.length}`;
    created.push(await patiently(() => roost.tweets.create({ userId: author, text })));
  }
}

/** Checks that every replica of every timeline has each tweet once. */
async function expectAllOnce(): Promise<void> {
  await untilApplied(roost);
  const expected = [...created].reverse().join();
  for (let look = 0; look < 2; look++) {
    const wrong: bigint[] = [];
    for (let from = 0; from < readers.length; from += 500)
      await Promise.all(
        Array.from(readers.subarray(from, from + 500), async (id) => {
          const page = await library.timelines.page(`home:${id}`, { limit: 1_000 });
          if (page?.entries.map(keyOf).join() !== expected) wrong.push(id);
        }),
      );
    expect(wrong.length, `timelines that are wrong, such as ${wrong[0]}`).toBe(0);
  }
}

const emptied = (name: string): Promise<unknown> =>
  (library.gizzard.hosts.host(name) as RedisHost).run(Deadline.after(5_000), (redis) => redis.flushall());

it('loses nobody and doubles nothing when the server is killed in the middle of deliveries', async () => {
  for (let round = 0; round < 2; round++) {
    await tweet(5);
    await sleep(40 * round);
    await cluster.restartServer();
  }
  await expectAllOnce();
}, 120_000);

it('goes on from the other replica while one Redis with timelines is away, and brings that up to date', async () => {
  await cluster.playground.kill('redis2');
  await tweet(2);
  const expected = created.at(-1);
  await expect
    .poll(async () => keyOf((await library.timelines.page(`home:${readers[0]}`, { limit: 1 }))!.entries[0]!), {
      timeout: 20_000,
    })
    .toBe(expected);
  expect((await roost.journal()).failing).toBeGreaterThan(0);
  await cluster.playground.restart('redis2');
  await expectAllOnce();
}, 120_000);

it('reads and rebuilds home timelines when all Redis servers with timelines have come back empty', async () => {
  await Promise.all(hosts.map(emptied));
  await tweet(1);
  for (const userId of readers.subarray(0, 20)) {
    const page = await library.home.page({ userId, count: 50 });
    expect(page.entries.map(({ tweetId }) => tweetId)).toEqual([...created].reverse());
  }
}, 120_000);
