import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { composeSnowflake } from '../core/index.js';
import type { NewTweet, Roost } from '../sdk/index.js';
import { auditTweets, openTbird } from '../tbird/index.js';
import { KillableCluster, loadWithFault, untilApplied } from './support/killableCluster.js';

// What an import survives: the loss of the server, of a database host, and of the journal's Redis, each killed without warning in the middle of it.

const tweetCount = 6_000;
const perCall = 100;
const users = 50;
/** Of three windows, so that some are made while the import runs. */
const startMs = Date.UTC(2020, 5, 1);
const tweets: readonly (NewTweet & { readonly id: bigint })[] = Array.from({ length: tweetCount }, (_, i) => ({
  id: composeSnowflake({ timeMs: startMs + i * 40_000, worker: 1, sequence: i % 4_096 }),
  user: BigInt(1 + (i % users)),
  text: `tweet ${i}`,
}));

let cluster: KillableCluster;
let roost: Roost;

beforeEach(async () => {
  cluster = await KillableCluster.start({
    databaseHosts: 2,
    servers: 1,
    setUp: async (config) => {
      const tbird = await openTbird(config, { create: true });
      await tbird.setup({ policy: { windowMs: 86_400_000, stripes: 2, replicas: 2 }, graphShards: 2 });
      await tbird.close();
    },
  });
  roost = await cluster.connect();
}, 60_000);

afterEach(async () => {
  await roost.close();
  await cluster.stop();
}, 60_000);

/** Stores all tweets. `at` runs when a third of them were acknowledged. */
function importAll(at: () => Promise<void>): Promise<void> {
  const parts = Array.from({ length: tweetCount / perCall }, (_, i) => () => roost.tweets.createMany(tweets.slice(i * perCall, (i + 1) * perCall)));
  return loadWithFault(parts, at);
}

async function expectAllOnce(): Promise<void> {
  await untilApplied(roost);
  const found = await roost.tweets.getMany(tweets.map(({ id }) => id));
  expect(found.map((tweet) => [tweet?.id, tweet?.userId, tweet?.text])).toEqual(tweets.map(({ id, user, text }) => [id, user, text]));
  for (let user = 1n; user <= BigInt(users); user++) {
    const own = tweets.filter((tweet) => tweet.user === user).map(({ id }) => id);
    expect(await roost.tweets.timelineIds(user, { count: 1_000 })).toEqual(own.reverse());
  }
  const tbird = await openTbird(cluster.config);
  try {
    expect(await auditTweets(tbird)).toMatchObject({ tweets: tweetCount, faults: [], uncertain: 0 });
  } finally {
    await tbird.close();
  }
  // The time at which content was accepted is one of several attempts' where a call was repeated; the earliest is the same everywhere.
  await cluster.expectIdenticalReplicas({ like: 'tweets\\_2%', order: 'id', tables: [8, Infinity] });
}

it('loses nothing and stores nothing twice when the server is killed and started again', async () => {
  await importAll(() => cluster.restartServer());
  await expectAllOnce();
}, 240_000);

it('goes on without a database host, and brings it up to date when it is back', async () => {
  // The host that does not hold the name server's first replica: windows are made on both.
  await importAll(async () => {
    await cluster.playground.kill('db2');
    await sleep(1_000);
    await cluster.playground.restart('db2');
  });
  await expectAllOnce();
}, 240_000);

it('loses nothing that was acknowledged when the Redis of the journal is killed and started again', async () => {
  await importAll(() => cluster.restartRedis());
  await expectAllOnce();
}, 240_000);
