import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serverReadySchema, type ServerReady } from '../cli/serverReady.js';
import { composeSnowflake, configSchema, Deadline, silentLog, type RoostConfig } from '../core/index.js';
import { DatabaseHosts } from '../gizzard/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import { connect, type NewTweet, type Roost } from '../sdk/index.js';
import { auditTweets, openTbird } from '../tbird/index.js';
import { roostMain } from './runRoost.js';

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

let dir: string;
let playground: Playground;
let config: RoostConfig;
let server: ChildProcess;
let ready: ServerReady;
let roost: Roost;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'roost-tweet-faults-'));
  playground = await startPlayground({ dir: join(dir, 'playground'), databaseHosts: 2, caches: 0, redisFsync: 'always' });
  const written = JSON.parse(readFileSync(playground.configPath, 'utf8')) as object;
  const changed = { ...written, jobs: { errorDelaySeconds: 0.3, errorLimit: 1_000_000, claimAfterSeconds: 2 }, log: { level: 'silent' } };
  config = configSchema.parse(changed);
  writeFileSync(playground.configPath, JSON.stringify(changed));
  const tbird = await openTbird(config, { create: true });
  await tbird.setup({ policy: { windowMs: 86_400_000, stripes: 2, replicas: 2 }, graphShards: 2 });
  await tbird.close();
  await startServer();
  roost = await connect({ servers: [`127.0.0.1:${ready.flock.port}`], tweetServers: [`127.0.0.1:${ready.tbird.port}`] });
}, 60_000);

afterEach(async () => {
  await roost?.close();
  server?.kill('SIGKILL');
  await playground.stop();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

/** The playground's configuration names the ports, so that a server that is started again takes the same ones. */
async function startServer(): Promise<void> {
  server = spawn(process.execPath, [roostMain, 'serve', '--config', playground.configPath, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: server.stdout! })) {
    ready = serverReadySchema.parse(JSON.parse(line));
    return;
  }
  throw new Error('the server ended before it was ready');
}

async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Deadline.after(90_000);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (deadline.passed) throw error;
      await sleep(100);
    }
  }
}

/** Stores all tweets, some calls at once, each repeated until it is acknowledged. `at` runs when a third of them were. */
async function importAll(at: () => Promise<void>): Promise<void> {
  let next = 0;
  let acknowledged = 0;
  let fault: Promise<void> | undefined;
  const lane = async (): Promise<void> => {
    for (let start = next; start < tweetCount; start = next) {
      next = start + perCall;
      await patiently(() => roost.tweets.createMany(tweets.slice(start, start + perCall)));
      acknowledged += perCall;
      if (acknowledged >= tweetCount / 3) fault ??= at();
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  await fault;
}

async function expectAllOnce(): Promise<void> {
  await expect
    .poll(
      () =>
        patiently(async () => {
          const { queued, failing, bad } = await roost.journal();
          return { waiting: queued.high + queued.medium + queued.low + failing, bad };
        }),
      { timeout: 90_000, interval: 100 },
    )
    .toEqual({ waiting: 0, bad: 0 });
  const found = await roost.tweets.getMany(tweets.map(({ id }) => id));
  expect(found.map((tweet) => [tweet?.id, tweet?.userId, tweet?.text])).toEqual(tweets.map(({ id, user, text }) => [id, user, text]));
  for (let user = 1n; user <= BigInt(users); user++) {
    const own = tweets.filter((tweet) => tweet.user === user).map(({ id }) => id);
    expect(await roost.tweets.timelineIds(user, { count: 1_000 })).toEqual(own.reverse());
  }
  const tbird = await openTbird(config);
  try {
    expect(await auditTweets(tbird)).toMatchObject({ tweets: tweetCount, faults: [], uncertain: 0 });
  } finally {
    await tbird.close();
  }
  await expectIdenticalReplicas();
}

async function expectIdenticalReplicas(): Promise<void> {
  const hosts = new DatabaseHosts(config, silentLog);
  try {
    const [first, second] = [hosts.host('db1'), hosts.host('db2')];
    const tables = await first.rows(`SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE 'tweets\\_2%'`, [config.cluster], Deadline.after(5_000));
    expect(tables.length).toBeGreaterThanOrEqual(8);
    for (const [table] of tables) {
      // The time at which content was accepted is one of several attempts' where a call was repeated; the earliest is the same everywhere.
      const read = async (host: typeof first): Promise<string> => (await host.rows(`SELECT * FROM \`${config.cluster}\`.\`${String(table)}\` ORDER BY id`, [], Deadline.after(10_000))).join('\n');
      expect((await read(first)) === (await read(second)), `${String(table)} is the same on both hosts`).toBe(true);
    }
  } finally {
    await hosts.close();
  }
}

it('loses nothing and stores nothing twice when the server is killed and started again', async () => {
  await importAll(async () => {
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
    await startServer();
  });
  await expectAllOnce();
}, 240_000);

it('goes on without a database host, and brings it up to date when it is back', async () => {
  // The host that does not hold the name server's first replica: windows are made on both.
  await importAll(async () => {
    await playground.kill('db2');
    await sleep(1_000);
    await playground.restart('db2');
  });
  await expectAllOnce();
}, 240_000);

it('loses nothing that was acknowledged when the Redis of the journal is killed and started again', async () => {
  await importAll(async () => {
    await playground.kill('redis');
    await playground.restart('redis');
  });
  await expectAllOnce();
}, 240_000);
