import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inspectCache, openCaches, type Caches } from '../cache/index.js';
import { composeSnowflake } from '../core/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import { loadConfig, type RoostConfig } from '../process/index.js';
import { counts, edgeClient, idsPerModel, tweetClient, userClient } from './cache/modelClients.js';
import { openModelServer, randomFrom, type ModelServer } from './cache/modelServer.js';
import { clusterSchema } from './clusterConfig.js';

// Users, tweets and a graph on real servers, with real jobs: writes, removals, repeated jobs and reads at random,
// while cache nodes are killed, emptied, paused and restarted, one joins, and servers lose sight of one or hear late
// of what others know. Each client knows the result of its own writes that were answered as materialized, and must
// never read anything older, at any server. In the end every cached entry equals the row in MySQL.

const seed = Number(process.env['ROOST_TEST_SEED'] ?? Date.now() % 1_000_000);
const runMs = Number(process.env['ROOST_TEST_RUN_MS'] ?? 14_000);
/**
 * At first, nodes are only emptied: while nodes come and go, each write takes longer than a second, and races are
 * rare.
 */
const calmMs = 5_000;
/**
 * The number of clients for users, for tweets and for the graph. Many are needed, since a write takes long while
 * nodes change.
 */
const clients = 10;

const dir = mkdtempSync(join(tmpdir(), 'roost-model-'));
let playground: Playground;
let config: RoostConfig;
let servers: ModelServer[];
let graphId: number;
const userIds = Array.from({ length: idsPerModel(clients) }, (_, i) => BigInt(i + 1));
let tweetIds: bigint[];
let joined: Caches | undefined;

beforeAll(async () => {
  playground = await startPlayground({ dir, databaseHosts: 2, caches: 4 });
  ({ config } = loadConfig({ path: playground.configPath, environment: {}, workingFolder: dir }));
  config = clusterSchema.parse({
    ...config,
    cluster: 'model',
    memcached: config.memcached.slice(0, 3),
    cache: { ...config.cache, tweets: true, graphs: true, deadlineMs: 100, warmSeconds: 2 },
    jobs: { ...config.jobs, errorDelaySeconds: 0.5 },
  });
  const first = await openModelServer(config, { work: true, seed: seed * 17 });
  servers = [first];
  await first.users.setup({ shards: 2, replicas: 2 });
  await first.tbird.setup({ policy: { windowMs: 86_400_000, stripes: 2, replicas: 2 }, graphShards: 2 });
  graphId = (await first.tbird.flock.createGraph('follows', { shards: 2, replicas: 2 })).id;
  servers.push(
    await openModelServer(config, { work: true, seed: seed * 17 + 1 }),
    await openModelServer(config, { work: false, slow: true, seed: seed * 17 + 2 }),
  );
  const timeMs = Date.now() - 60_000;
  tweetIds = Array.from({ length: idsPerModel(clients) }, (_, sequence) =>
    composeSnowflake({ timeMs, worker: 9, sequence }),
  );
});
afterAll(async () => {
  await joined?.close();
  await Promise.all(servers.map((server) => server.close()));
  await playground.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Empties a node, as an operator might by mistake. */
const empty = (port: number): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end('flush_all\r\nquit\r\n'));
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.resume();
  });

async function faults(untilMs: number): Promise<void> {
  const random = randomFrom(seed);
  for (const calmUntilMs = performance.now() + calmMs; performance.now() < calmUntilMs; await sleep(random() * 200)) {
    await empty(playground.memcached[Math.floor(random() * 3)]!.port);
  }
  joined = await openCaches({ ...config, memcached: playground.memcached.map(({ port }) => `127.0.0.1:${port}`) });
  while (performance.now() < untilMs) {
    const place = Math.floor(random() * 3);
    const { port } = playground.memcached[place]!;
    const name = `cache${place + 1}`;
    const what = random();
    if (what < 0.2) {
      await playground.kill(name);
      await sleep(random() * 600);
      await playground.restart(name);
    } else if (what < 0.4) {
      await playground.pause(name);
      await sleep(random() * 1_000);
      await playground.resume(name);
    } else if (what < 0.8) {
      const { cut } = servers[Math.floor(random() * 2)]!;
      cut.add(`127.0.0.1:${port}`);
      await sleep(300 + random() * 500);
      cut.clear();
    } else await empty(port);
    await sleep(random() * 600);
  }
}

it(
  `reads nothing older than its own writes while caches fail, and ends as MySQL is (seed ${seed})`,
  async () => {
    const untilMs = performance.now() + runMs;
    const client = (kind: number, place: number) => ({ number: kind * clients + place, place, seed, servers, untilMs });
    await Promise.all([
      faults(untilMs),
      ...Array.from({ length: clients }, (_, place) => userClient(client(0, place), userIds)),
      ...Array.from({ length: clients }, (_, place) => tweetClient(client(1, place), tweetIds)),
      ...Array.from({ length: clients }, (_, place) => edgeClient(client(2, place), graphId)),
    ]);
    process.stdout.write(`seed ${seed}: ${JSON.stringify(counts)}\n`);

    const [{ tbird, users }] = servers as [ModelServer];
    for (let tries = 0; tries < 600; tries++) {
      const { queued, failing, bad } = await tbird.flock.journal();
      expect(bad).toBe(0);
      if (queued.high + queued.medium + queued.low + failing === 0) break;
      await sleep(50);
    }
    const { newest, edges } = tbird.flock.options.caches!;
    const settle = { settleMs: 300 };
    const reports = [
      await inspectCache(users.rows, BigInt, settle),
      await inspectCache(tbird.caches!.rows, BigInt, settle),
      await inspectCache(newest, String, settle),
      await inspectCache(edges, String, settle),
    ];
    expect(reports.map(({ stale }) => stale)).toEqual([[], [], [], []]);
    expect(counts.reads).toBeGreaterThan(100);
    expect(counts.materialized).toBeGreaterThan(10);
  },
  runMs + 90_000,
);
