import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { generatedColumns } from '../bench/edgeColumns.js';
import { configSchema, Deadline, silentLog, type RoostConfig } from '../core/index.js';
import { openFlock } from '../flock/index.js';
import { DatabaseHosts } from '../gizzard/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import { connect, type Graph, type Roost } from '../sdk/index.js';

// What a load survives: the loss of a database host, of the server, and of the journal's Redis, each killed without warning in the middle of it.

const edgeCount = 30_000;
const batchEdges = 500;
const columns = generatedColumns(edgeCount, 11);

let dir: string;
let playground: Playground;
let config: RoostConfig;
let server: ChildProcess;
let roost: Roost;
let graph: Graph;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'roost-faults-'));
  playground = await startPlayground({ dir: join(dir, 'playground'), databaseHosts: 2, caches: 0, redisFsync: 'always' });
  const written = JSON.parse(readFileSync(playground.configPath, 'utf8')) as object;
  const changed = { ...written, jobs: { errorDelaySeconds: 0.3, errorLimit: 1_000_000, claimAfterSeconds: 2 }, log: { level: 'silent' } };
  writeFileSync(playground.configPath, JSON.stringify(changed));
  config = configSchema.parse(changed);
  const flock = await openFlock(config, { create: true });
  await flock.createGraph('follows', { shards: 4, replicas: 2 });
  await flock.close();
  const port = await startServer();
  // The server takes the same port again after a crash, so that clients find it.
  config.server.flockPort = port;
  writeFileSync(playground.configPath, JSON.stringify({ ...changed, server: { flockPort: port, managerPort: 0, injectorPort: 0, tbirdPort: 0, adminPort: 0 } }));
  roost = await connect(`127.0.0.1:${port}`);
  graph = await roost.graph('follows');
}, 60_000);

afterEach(async () => {
  await roost.close();
  server.kill('SIGKILL');
  await playground.stop();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

async function startServer(): Promise<number> {
  server = spawn(process.execPath, [join(import.meta.dirname, '../dist/cli/main.js'), 'serve', '--config', playground.configPath, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: server.stdout! })) return (JSON.parse(line) as { flock: { port: number } }).flock.port;
  throw new Error('the server ended before it was ready');
}

/** Loads all edges, some batches at once, each repeated until it is acknowledged. `at` runs when a third of them were. */
async function load(at: () => Promise<void>): Promise<void> {
  let next = 0;
  let acknowledged = 0;
  let fault: Promise<void> | undefined;
  const lane = async (): Promise<void> => {
    for (let start = next; start < edgeCount; start = next) {
      next = start + batchEdges;
      const part = { sourceIds: columns.sourceIds.subarray(start, next), destinationIds: columns.destinationIds.subarray(start, next) };
      await patiently(() => graph.writeColumns(part));
      acknowledged += batchEdges;
      if (acknowledged >= edgeCount / 3) fault ??= at();
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  await fault;
}

async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Deadline.after(60_000);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (deadline.passed) throw error;
      await sleep(100);
    }
  }
}

async function untilApplied(): Promise<void> {
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
}

/** Every node's counters agree with the edges, both ways: nothing is lost, nothing counted twice. */
async function expectEveryDegree(): Promise<void> {
  for (const [direction, column] of [['forward', columns.sourceIds], ['backward', columns.destinationIds]] as const) {
    const degrees = new Map<bigint, bigint>();
    for (const id of column) degrees.set(id, (degrees.get(id) ?? 0n) + 1n);
    const counted = await Promise.all(Array.from(degrees, async ([id]) => [id, await graph.count(id, { direction })] as const));
    expect(new Map(counted)).toEqual(degrees);
  }
}

async function expectIdenticalReplicas(): Promise<void> {
  const hosts = new DatabaseHosts(config, silentLog);
  try {
    const [first, second] = [hosts.host('db1'), hosts.host('db2')];
    const tables = await first.rows('SELECT table_name FROM information_schema.tables WHERE table_schema = ? ORDER BY table_name', [config.cluster], Deadline.after(5_000));
    expect(tables.length).toBe(16);
    for (const [table] of tables) {
      const read = async (host: typeof first): Promise<string> => (await host.rows(`SELECT * FROM \`${config.cluster}\`.\`${String(table)}\` ORDER BY 1, 2, 3, 4`, [], Deadline.after(10_000))).join('\n');
      expect((await read(first)) === (await read(second)), `${String(table)} is the same on both hosts`).toBe(true);
    }
  } finally {
    await hosts.close();
  }
}

it('keeps reading without a killed database host, and brings it up to date when it is back', async () => {
  let reading = true;
  let reads = 0;
  const readers = (async () => {
    for (let i = 0; reading; i = (i + 1) % 1_000) {
      await Promise.all([graph.contains(columns.sourceIds[i]!, columns.destinationIds[i]!), graph.count(columns.sourceIds[i]!), graph.from(columns.sourceIds[i]!).page({ count: 10 })]);
      reads++;
    }
  })();
  await load(() => playground.kill('db2'));
  const readsBefore = reads;
  await expect.poll(() => reads, { timeout: 10_000 }).toBeGreaterThan(readsBefore + 20);
  reading = false;
  await readers;
  expect((await roost.journal()).failing).toBeGreaterThan(0);
  await playground.restart('db2');
  await untilApplied();
  await expectEveryDegree();
  await expectIdenticalReplicas();
}, 150_000);

it('loses nothing and counts nothing twice when the server is killed and started again', async () => {
  await load(async () => {
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
    await startServer();
  });
  await untilApplied();
  await expectEveryDegree();
  await expectIdenticalReplicas();
}, 150_000);

it('loses nothing that was acknowledged when the Redis of the journal is killed and started again', async () => {
  await load(async () => {
    await playground.kill('redis');
    await playground.restart('redis');
  });
  await untilApplied();
  await expectEveryDegree();
  await expectIdenticalReplicas();
}, 150_000);
