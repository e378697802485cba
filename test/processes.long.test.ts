import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connect } from '../sdk/index.js';
import { callRoost } from './callRoost.js';
import { KillableCluster, untilApplied } from './support/killableCluster.js';
import { progress, SteadyLoad } from './support/steadyLoad.js';

// Runs one server of three processes; clients notice none of the processes' ends.

const processes = 3;
const clients = 3;
const steps = 6;
let cluster: KillableCluster;

beforeAll(async () => {
  cluster = await KillableCluster.start({
    databaseHosts: 2,
    servers: 1,
    overrides: {
      server: { processes },
      log: { level: (process.env['ROOST_TEST_LOG'] ?? 'silent') as 'silent' },
    },
    setUp: async () => undefined,
  });
  await roost('graph', 'create', 'follows', '--shards', '4');
  await roost('tweets', 'setup', '--stripes', '2');
  await roost('users', 'setup', '--shards', '2');
}, 120_000);

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => cluster?.stop(), 60_000);

it('fails no call and loses no write while processes are killed and replaced', async () => {
  const loads = await Promise.all(
    Array.from({ length: clients }, async (_, i) => new SteadyLoad(await client(), BigInt(i + 1))),
  );
  const running = loads.map((load) => load.run());
  try {
    await progress(loads, steps);
    for (let round = 0; round < 2; round++) {
      const [victim] = await pids();
      process.kill(victim!, 'SIGKILL');
      await progress(loads, steps);
      await expect.poll(pids, { timeout: 30_000 }).toHaveLength(processes);
    }
    const before = await pids();
    cluster.servers[0]!.signal('SIGHUP');
    await expect
      .poll(async () => (await pids()).filter((pid) => before.includes(pid)), { timeout: 300_000, interval: 500 })
      .toEqual([]);
    await progress(loads, steps);
  } finally {
    for (const load of loads) load.stop();
    await Promise.all(running);
    closing.push(
      ...loads.map(
        ({ roost }) =>
          () =>
            roost.close(),
      ),
    );
  }
  expect(loads.flatMap(({ failures }) => failures)).toEqual([]);
  await untilApplied(loads[0]!.roost);
  for (const load of loads) await load.expectAll();
  const ids = loads.flatMap(({ tweets }) => tweets);
  expect(new Set(ids).size).toBe(ids.length);
}, 900_000);

it('spreads the connections of clients over the processes, and shows the metrics of all as those of one server', async () => {
  const connections = async (): Promise<number> =>
    Number(/^roost_rpc_connections\{service="flock"\} (\d+)/m.exec(await page('/metrics'))?.[1]);
  await expect.poll(connections, { timeout: 10_000 }).toBe(0);
  const opened = await Promise.all(Array.from({ length: 6 }, client));
  for (const each of opened) await each.graph('follows');
  await expect.poll(connections, { timeout: 10_000 }).toBe(6);
  expect(await page('/metrics')).toMatch(/^roost_processes 3$/m);
  expect(await page('/metrics')).toMatch(/^roost_processes_ended_total 2$/m);
  await Promise.all(opened.map((each) => each.close()));
});

it('has every process reload when one is told to', async () => {
  expect((await roost('reload')).exitCode).toBe(0);
  expect((await roost('ping')).exitCode).toBe(0);
});

it('ends all processes on SIGTERM', async () => {
  const running = await pids();
  await cluster.servers[0]!.kill('SIGTERM');
  await sleep(100);
  expect(running.filter(isAlive)).toEqual([]);
});

const client = () => {
  const { flock, tbird, users } = cluster.servers[0]!.ready;
  return connect({
    servers: [`127.0.0.1:${flock.port}`],
    tweetServers: [`127.0.0.1:${tbird.port}`],
    userServers: [`127.0.0.1:${users.port}`],
    // Where others share the machine, calls may take long without any fault.
    deadlineMs: 30_000,
  });
};

const roost = (...args: string[]) => callRoost([...args, '--config', cluster.configPath], '/');

async function page(path: string): Promise<string> {
  const { admin } = cluster.servers[0]!.ready;
  const response = await fetch(`http://127.0.0.1:${admin.port}${path}`, { headers: { connection: 'close' } });
  return response.text();
}

async function pids(): Promise<number[]> {
  const { processes } = JSON.parse(await page('/server_info')) as { processes: { pid: number }[] };
  return processes.map(({ pid }) => pid);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
