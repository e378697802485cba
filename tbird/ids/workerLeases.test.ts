import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Deadline, parseSnowflake, snowflakeWorkers } from '../../core/index.js';
import { DatabaseHosts, type DatabaseHost } from '../../mysql/index.js';
import { silentLog } from '../../process/index.js';
import { freshCluster } from '../../test/support/index.js';
import { IdGenerator } from './idGenerator.js';
import { SqlWorkerLeases } from './sqlWorkerLeases.js';

const cluster = freshCluster('leases');
const database = `${cluster.config.cluster}_nameserver`;
const hosts = new DatabaseHosts(cluster.config, silentLog);
/** Goes with the cluster's databases. */
const primary = `${cluster.config.cluster}_primary`;
const ttlMs = 400;
let host: DatabaseHost;
const children: ChildProcess[] = [];

beforeAll(async () => {
  host = hosts.host(cluster.config.nameServer.hosts[0]!);
  await host.run(`CREATE DATABASE \`${database}\``, [], Deadline.after(5_000));
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await hosts.close();
});

/** A process that makes ids; `ids` fills while it runs. */
function startMaker(): { child: ChildProcess; ids: bigint[] } {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '../testing/idProcess.mjs'), cluster.configPath, String(ttlMs)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.push(child);
  const ids: bigint[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => ids.push(...line.split(' ').map(BigInt)));
  return { child, ids };
}

const madeMore = async (maker: { ids: bigint[] }): Promise<void> => {
  const before = maker.ids.length;
  await expect.poll(() => maker.ids.length, { timeout: 10_000, interval: 10 }).toBeGreaterThan(before + 100);
};

it('no id is made twice, though makers are killed and stopped past the end of their leases', async () => {
  const makers = [startMaker(), startMaker(), startMaker()];
  await Promise.all(makers.map(madeMore));
  const [killed, stopped, running] = makers as [(typeof makers)[0], (typeof makers)[0], (typeof makers)[0]];
  const worker = (maker: { ids: bigint[] }): number => parseSnowflake(maker.ids.at(-1)!).worker;
  const stoppedWorker = worker(stopped);
  killed.child.kill('SIGKILL');
  stopped.child.kill('SIGSTOP');
  await once(killed.child, 'exit');
  await sleep(ttlMs * 2);
  // As many as there are rows for, so that the numbers of the killed and the stopped one are taken over.
  const successors = [startMaker(), startMaker()];
  await Promise.all(successors.map(madeMore));
  expect(successors.map(worker)).toContain(stoppedWorker);
  stopped.child.kill('SIGCONT');
  await madeMore(stopped);
  expect(worker(stopped)).not.toBe(stoppedWorker);
  await madeMore(running);
  const all = [...makers, ...successors].flatMap(({ ids }) => ids);
  expect(new Set(all).size).toBe(all.length);
});

const systemMs = async (): Promise<number> => Date.now();
/** What ids may be ahead of, or behind, the journal's time. */
const boundMs = 1_000;

it('a maker whose clock is behind that of the holder before waits until it is past its times', async () => {
  const aheadMs = 300;
  const fast = new IdGenerator(
    new SqlWorkerLeases([host], database, async () => Date.now() + boundMs + aheadMs, { ttlMs }),
  );
  const [before] = await fast.take(1, Deadline.after(5_000));
  expect(parseSnowflake(before!).timeMs).toBeGreaterThan(Date.now() + aheadMs / 2);
  await fast.close();
  const slow = new IdGenerator(new SqlWorkerLeases([host], database, systemMs, { ttlMs: 10_000 }));
  const [after] = await slow.take(1, Deadline.after(5_000));
  await slow.close();
  expect(parseSnowflake(before!).worker === parseSnowflake(after!).worker && after! <= before!).toBe(false);
});

it('the times of ids are those of the database, within a second of those of the journal, whatever the wall clock says', async () => {
  const systemNow = Date.now;
  const timeOf = async (journalMs: () => Promise<number>): Promise<number> => {
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => systemNow() + 5 * 86_400_000);
    const ids = new IdGenerator(new SqlWorkerLeases([host], database, journalMs));
    const [id] = await ids.take(1, Deadline.after(5_000));
    await ids.close();
    clock.mockRestore();
    return parseSnowflake(id!).timeMs - systemNow();
  };
  expect(Math.abs(await timeOf(async () => systemNow()))).toBeLessThan(2 * boundMs);
  const hourMs = 3_600_000;
  expect(Math.abs((await timeOf(async () => systemNow() - hourMs)) + hourMs)).toBeLessThan(2 * boundMs);
  expect(Math.abs((await timeOf(async () => systemNow() + hourMs)) - hourMs)).toBeLessThan(2 * boundMs);
});

it('a lease that somebody else took over while its holder was away is not prolonged', async () => {
  let nowMs = Date.now() + 10_000_000;
  const clock = async (): Promise<number> => nowMs + boundMs;
  const [first, second] = [
    new SqlWorkerLeases([host], database, clock, { ttlMs }),
    new SqlWorkerLeases([host], database, clock, { ttlMs }),
  ];
  const held = await first.acquire();
  expect(held.nowMs).toBe(nowMs);
  // Far enough ahead for every lease of this table to be over.
  nowMs += ttlMs + 1;
  let lease = await second.acquire();
  for (let i = 0; lease.worker !== held.worker && i < snowflakeWorkers; i++)
    lease = await new SqlWorkerLeases([host], database, clock, { ttlMs }).acquire();
  expect(lease).toMatchObject({ worker: held.worker, fromMs: held.untilMs });
  nowMs += 1;
  expect((await first.acquire()).worker).not.toBe(held.worker);
});

it('no number is held twice, whichever host of the name server is named first and whichever is away', async () => {
  const others = new DatabaseHosts(
    {
      ...cluster.config,
      databaseHosts: {
        ...cluster.config.databaseHosts,
        away: { ...Object.values(cluster.config.databaseHosts)[0]!, socketPath: undefined, port: 1 },
      },
    },
    silentLog,
  );
  const [one, two, away] = ['db1', 'db2', 'away'].map((name) => others.host(name)) as [
    DatabaseHost,
    DatabaseHost,
    DatabaseHost,
  ];
  try {
    for (const each of [one, two])
      await each.run(`CREATE DATABASE IF NOT EXISTS \`${primary}\``, [], Deadline.after(5_000));
    const orders = [
      [one, two],
      [two, one],
      [away, one, two],
      [two, away, one],
    ];
    const leases = Array.from(
      { length: 20 },
      (_, i) => new SqlWorkerLeases(orders[i % orders.length]!, primary, systemMs),
    );
    const held = await Promise.all(leases.map((each) => each.acquire()));
    expect(new Set(held.map(({ worker }) => worker)).size).toBe(leases.length);
    const again = await Promise.all(leases.map((each) => each.acquire()));
    expect(again.map(({ worker }) => worker)).toEqual(held.map(({ worker }) => worker));
    // Fewer than a majority cannot tell what others hold.
    await expect(new SqlWorkerLeases([away, one], primary, systemMs).acquire()).rejects.toMatchObject({
      code: 'Unavailable',
    });
  } finally {
    await others.close();
  }
});
