import { once } from 'node:events';
import { connect as connectSocket, createServer, type AddressInfo, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { composeSnowflake } from '../core/index.js';
import { connect, type NewTweet, type Roost } from '../sdk/index.js';
import { checkTweets, openTbird } from '../tbird/index.js';
import { KillableCluster, loadWithFault, untilApplied } from './support/killableCluster.js';

// An import and new tweets survive the loss of the server, of a database host, and of the journal's Redis, each
// killed without warning in the middle.

const tweetCount = 6_000;
const perCall = 100;
const users = 50;
/** The tweets belong to three windows, so that some windows are created while the import runs. */
const startMs = Date.UTC(2020, 5, 1);
const tweets: readonly (NewTweet & { readonly id: bigint })[] = Array.from({ length: tweetCount }, (_, i) => ({
  id: composeSnowflake({ timeMs: startMs + i * 40_000, worker: 1, sequence: i % 4_096 }),
  userId: BigInt(1 + (i % users)),
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

/** Stores all tweets. `at` runs when a third of the tweets are acknowledged. */
function importAll(at: () => Promise<void>): Promise<void> {
  const parts = Array.from(
    { length: tweetCount / perCall },
    (_, i) => () => roost.tweets.createMany(tweets.slice(i * perCall, (i + 1) * perCall)),
  );
  return loadWithFault(parts, at);
}

async function expectAllOnce(): Promise<void> {
  await untilApplied(roost);
  const found = await roost.tweets.getMany(tweets.map(({ id }) => id));
  expect(found.map((tweet) => [tweet?.id, tweet?.userId, tweet?.text])).toEqual(
    tweets.map(({ id, userId, text }) => [id, userId, text]),
  );
  for (let user = 1n; user <= BigInt(users); user++) {
    const own = tweets.filter((tweet) => tweet.userId === user).map(({ id }) => id);
    expect(await roost.tweets.timelineIds(user, { count: 1_000 })).toEqual(own.reverse());
  }
  const tbird = await openTbird(cluster.config);
  try {
    expect(await checkTweets(tbird)).toMatchObject({ tweets: tweetCount, faults: [], uncertain: 0 });
  } finally {
    await tbird.close();
  }
  // The time at which content was accepted belongs to one of several attempts if a call was repeated; the earliest
  // time is the same on every replica.
  await cluster.expectIdenticalReplicas({ like: 'tweets\\_2%', order: 'id', tables: [8, Infinity] });
}

it('loses nothing and stores nothing twice when the server is killed and started again', async () => {
  await importAll(() => cluster.restartServer());
  await expectAllOnce();
}, 240_000);

it('continues without a database host, and brings it up to date when it is back', async () => {
  // The test kills the host without the name server's first replica: windows are created on both hosts.
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

/**
 * Proxies a port for clients. Calls `onLost` instead of passing on the first answer to a create, and passes on
 * everything else.
 */
async function withoutFirstAnswer(port: number, onLost: () => void): Promise<Server> {
  let lost = false;
  const proxy = createServer((client) => {
    const server = connectSocket(port, '127.0.0.1');
    client.on('data', (chunk) => server.write(chunk));
    server.on('data', (chunk) => {
      if (lost || !chunk.includes('create_tweets')) {
        client.write(chunk);
        return;
      }
      lost = true;
      onLost();
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('error', () => undefined).on('close', () => other.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return proxy;
}

it('stores new tweets once when the server is killed between writing them and its answer', async () => {
  const [server] = cluster.servers;
  let restarted: Promise<void> | undefined;
  const proxy = await withoutFirstAnswer(server!.ready.tbird.port, () => {
    restarted = cluster.restartServer();
  });
  const client = await connect({
    servers: [`127.0.0.1:${server!.ready.flock.port}`],
    tweetServers: [`127.0.0.1:${(proxy.address() as AddressInfo).port}`],
  });
  try {
    const texts = Array.from({ length: 20 }, (_, i) => `new ${i}`);
    const ids = await client.tweets.createMany(
      texts.map((text) => ({ userId: 900n, text })),
      { deadlineMs: 60_000 },
    );
    expect(restarted).toBeDefined();
    await restarted;
    await untilApplied(roost);
    expect((await roost.tweets.getMany(ids)).map((tweet) => tweet?.text)).toEqual(texts);
    // The tweets are read from the tables themselves, and from the index.
    expect((await roost.tweets.scan(900n, { count: 100 })).tweets.map(({ id }) => id)).toEqual([...ids].reverse());
    expect(await roost.tweets.timelineIds(900n, { count: 100 })).toEqual([...ids].reverse());
  } finally {
    await client.close();
    proxy.close();
    await once(proxy, 'close');
  }
}, 120_000);
