import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline, parseSnowflake, silentLog, snowflakeWorkers } from '../../core/index.js';
import { DatabaseHosts, type DatabaseHost } from '../../gizzard/index.js';
import { freshCluster } from '../../test/support/index.js';
import { IdGenerator } from './idGenerator.js';
import { SqlWorkerLeases } from './sqlWorkerLeases.js';

const cluster = freshCluster('leases');
const database = `${cluster.config.cluster}_nameserver`;
const hosts = new DatabaseHosts(cluster.config, silentLog);
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
  const child = spawn(process.execPath, [join(import.meta.dirname, '../testing/idProcess.mjs'), cluster.configPath, String(ttlMs)], { stdio: ['ignore', 'pipe', 'inherit'] });
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

it('a maker whose clock is behind that of the holder before waits until it is past its times', async () => {
  const aheadMs = 300;
  const leases = new SqlWorkerLeases(host, database, { ttlMs });
  const fast = new IdGenerator(leases, { wallMs: () => Date.now() + aheadMs });
  const [before] = await fast.take(1, Deadline.after(5_000));
  await fast.close();
  const slow = new IdGenerator(new SqlWorkerLeases(host, database, { ttlMs: 10_000 }));
  const [after] = await slow.take(1, Deadline.after(5_000));
  await slow.close();
  expect(parseSnowflake(before!).worker === parseSnowflake(after!).worker && after! <= before!).toBe(false);
});

it('a lease that somebody else took over while its holder was away is not prolonged', async () => {
  const [first, second] = [new SqlWorkerLeases(host, database, { ttlMs }), new SqlWorkerLeases(host, database, { ttlMs })];
  const nowMs = Date.now() + 1_000_000;
  const held = await first.acquire(nowMs);
  // Far enough ahead for every lease of this table to be over.
  const taken = new Set<number>();
  let lease = await second.acquire(nowMs + ttlMs + 1);
  for (let i = 0; lease.worker !== held.worker && i < snowflakeWorkers; i++) {
    taken.add(lease.worker);
    lease = await new SqlWorkerLeases(host, database, { ttlMs }).acquire(nowMs + ttlMs + 1);
  }
  expect(lease).toMatchObject({ worker: held.worker, fromMs: held.untilMs });
  expect((await first.acquire(nowMs + ttlMs + 2)).worker).not.toBe(held.worker);
});
