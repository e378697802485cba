import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Deadline, type ErrorCode } from '../../core/index.js';
import { startPlayground, type Playground } from '../../playground/index.js';
import { loadConfig, Metrics, silentLog, type RoostConfig } from '../../process/index.js';
import { append, notesOf, notesTopology, openNotes, type Note } from '../../test/support/notes.js';
import type { Gizzard } from '../gizzard.js';

const dir = mkdtempSync(join(tmpdir(), 'roost-jobs-'));
let playground: Playground;
let config: RoostConfig;
let clusters = 0;
const opened: Gizzard[] = [];

beforeAll(async () => {
  playground = await startPlayground({ dir, databaseHosts: 2, caches: 0 });
  ({ config } = loadConfig({ path: playground.configPath, environment: {} }));
  // The one that the topology is on is never taken away.
  config = {
    ...config,
    nameServer: { ...config.nameServer, hosts: ['db1'] },
    jobs: { ...config.jobs, errorDelaySeconds: 0.1, claimAfterSeconds: 2 },
  };
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((gizzard) => gizzard.close()));
});
afterAll(async () => {
  await playground.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function open(
  cluster: string,
  options: { work: boolean; jobs?: Partial<RoostConfig['jobs']>; metrics?: Metrics; queryTimeoutMs?: number },
): Promise<Gizzard> {
  const gizzard = openNotes(
    {
      ...config,
      cluster,
      jobs: { ...config.jobs, ...options.jobs },
      pool: {
        ...config.pool,
        ...(options.queryTimeoutMs === undefined ? {} : { queryTimeoutMs: options.queryTimeoutMs }),
      },
    },
    {},
    silentLog,
    options.metrics,
  );
  opened.push(gizzard);
  await gizzard.nameServer.create();
  if (gizzard.topology.tables.length === 0) await gizzard.apply(notesTopology(['db1', 'db2']));
  await gizzard.start(options);
  return gizzard;
}
const newCluster = (): string => `outages_${++clusters}`;
const note = (value: number): Note => ({ key: 1n, value });
const idle = { queued: 0, failing: 0, bad: 0 };
const patient = { timeout: 25_000 };
const byValue = (a: string, b: string): number => Number(a.slice(2)) - Number(b.slice(2));

/** Writes notes one after another until it is told to stop; knows which were acknowledged. */
function load(gizzard: Gizzard): { readonly acknowledged: string[]; readonly stop: () => Promise<void> } {
  const acknowledged: string[] = [];
  let stopped = false;
  const running = (async () => {
    for (let value = 0; !stopped; value++) {
      try {
        await append(gizzard, [note(value)], { deadlineMs: 1_000 });
        acknowledged.push(`1=${value}`);
      } catch {
        // Not acknowledged: it may or may not have been accepted.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  })();
  return {
    acknowledged,
    stop: () => {
      stopped = true;
      return running;
    },
  };
}

describe("the journal's Redis", () => {
  it('loses nothing that was acknowledged when it is killed in the middle of a load', async () => {
    const cluster = newCluster();
    const writer = await open(cluster, { work: false });
    await open(cluster, { work: true });
    await open(cluster, { work: true });
    const { acknowledged, stop } = load(writer);
    for (let round = 1; round <= 2; round++) {
      await expect.poll(() => acknowledged.length, patient).toBeGreaterThan(round * 300);
      await playground.kill('redis');
      await playground.restart('redis');
    }
    const before = acknowledged.length;
    await expect.poll(() => acknowledged.length, patient).toBeGreaterThan(before + 300);
    await stop();
    await expect.poll(() => writer.jobs.sizes('high'), patient).toEqual(idle);
    const { 'db1/first': first, 'db2/first': second } = await notesOf(writer);
    expect(new Set(first)).toEqual(new Set([...first!, ...acknowledged]));
    expect(second).toEqual(first);
  }, 90_000);

  it('that is down refuses writes, leaves the metrics working, and serves waiting callers again when it is back', async () => {
    const metrics = new Metrics();
    const cluster = newCluster();
    const gizzard = await open(cluster, { work: true, metrics });
    await playground.kill('redis');
    try {
      const unavailable = expect.objectContaining({
        code: 'Unavailable' satisfies ErrorCode,
        retryable: true,
      }) as unknown;
      await expect(append(gizzard, [note(1)])).rejects.toEqual(unavailable);
      await expect(append(gizzard, [note(1)], { wait: true })).rejects.toEqual(unavailable);
      await expect(gizzard.jobs.sizes('high')).rejects.toMatchObject({
        code: expect.stringMatching(/^(Unavailable|DeadlineExceeded)$/) as string,
      });
      const text = await metrics.registry.metrics();
      expect(text).toMatch(/^roost_journal_up 0$/m);
      expect(text).not.toContain('roost_jobs{');
      expect(text).toMatch(/^roost_topology_version \d/m);
      // A process that starts now says so, instead of working on nothing.
      await expect(open(cluster, { work: true })).rejects.toEqual(unavailable);
    } finally {
      await playground.restart('redis');
    }
    await expect
      .poll(
        () =>
          append(gizzard, [note(2)], { wait: true }).then(
            () => true,
            () => false,
          ),
        patient,
      )
      .toBe(true);
    expect(await metrics.registry.metrics()).toMatch(/^roost_journal_up 1$/m);
  }, 60_000);

  it('that hangs holds up no caller past its deadline, nor the end of a process', async () => {
    const gizzard = await open(newCluster(), { work: true });
    await append(gizzard, [note(0)], { wait: true });
    await playground.pause('redis');
    try {
      await expect(append(gizzard, [note(1)], { deadlineMs: 200 })).rejects.toMatchObject({ code: 'DeadlineExceeded' });
      await expect(gizzard.jobs.sizes('high')).rejects.toMatchObject({ code: 'DeadlineExceeded' });
      await gizzard.jobs.close(100);
    } finally {
      await playground.resume('redis');
    }
  }, 60_000);
});

describe('a database host', () => {
  it('that is killed gets its writes when it is back, and then holds what the other holds', async () => {
    const cluster = newCluster();
    // Longer away than a job may fail.
    const gizzard = await open(cluster, { work: true, jobs: { errorLimit: 2 } });
    const { acknowledged, stop } = load(gizzard);
    await expect.poll(() => acknowledged.length, patient).toBeGreaterThan(200);
    await playground.kill('db2');
    const atKill = acknowledged.length;
    await expect.poll(() => acknowledged.length, patient).toBeGreaterThan(atKill + 500);
    await expect.poll(async () => (await gizzard.jobs.sizes('high')).failing, patient).toBeGreaterThan(100);
    // A caller that waits is content with the other replica.
    await append(gizzard, [note(1_000_000)], { wait: true });
    await playground.restart('db2');
    await stop();
    await expect.poll(() => gizzard.jobs.sizes('high'), patient).toEqual(idle);
    const held = await notesOf(gizzard);
    expect(held['db2/first']).toEqual(held['db1/first']);
    expect(held['db1/first']).toEqual([...acknowledged, '1=1000000'].sort(byValue));
  }, 90_000);

  it('that hangs gets its writes when it goes on, however long it was', async () => {
    const metrics = new Metrics();
    const gizzard = await open(newCluster(), { work: true, jobs: { errorLimit: 2 }, queryTimeoutMs: 300, metrics });
    await append(gizzard, [note(0)], { wait: true });
    await playground.pause('db2');
    try {
      await append(gizzard, [note(1)]);
      // Far more often than a job may fail by its own fault.
      const failures = async (): Promise<number> =>
        Number(/outcome="(?:failed|bad)"\} (\d+)/.exec(await metrics.registry.metrics())?.[1] ?? 0);
      await expect
        .poll(async () => (await failures()) > 10 || (await gizzard.jobs.sizes('high')).bad > 0, patient)
        .toBe(true);
      expect((await gizzard.jobs.sizes('high')).bad).toBe(0);
    } finally {
      await playground.resume('db2');
    }
    await expect.poll(() => gizzard.jobs.sizes('high'), patient).toEqual(idle);
    const held = await notesOf(gizzard);
    expect(held['db2/first']).toEqual(held['db1/first']);
  }, 60_000);

  it('that refuses the log-in keeps its writes waiting, none of them given up, and says what to do', async () => {
    const cluster = newCluster();
    const metrics = new Metrics();
    const before = await open(cluster, { work: false });
    const { user, password } = config.databaseHosts['db2']!;
    const rotate = async (to: string): Promise<void> =>
      void (await before.mysql
        .host('db2')
        .run(`ALTER USER 'root'@'localhost' IDENTIFIED BY '${to}'`, [], Deadline.after(5_000)));
    await rotate('rotated');
    try {
      const gizzard = await open(cluster, { work: true, jobs: { errorLimit: 2 }, metrics });
      for (const value of [1, 2, 3]) await append(gizzard, [note(value)], { wait: true });
      const failures = async (): Promise<number> =>
        Number(/outcome="failed"\} (\d+)/.exec(await metrics.registry.metrics())?.[1] ?? 0);
      await expect.poll(failures, patient).toBeGreaterThan(9);
      expect(await gizzard.jobs.sizes('high')).toEqual({ ...idle, failing: 3 });
      const [job] = await gizzard.jobs.queues.list('high', 'failing', 1);
      expect(job).toMatchObject({
        attempts: 0,
        onlyLeaves: ['db2/first'],
        lastError: expect.stringContaining(
          `db2 refuses the log-in of user '${user}': check databaseHosts.db2.user and password`,
        ) as string,
      });
    } finally {
      await rotate(password);
    }
    await expect.poll(() => before.jobs.sizes('high'), patient).toEqual(idle);
    const held = await notesOf(before);
    expect(held['db2/first']).toEqual(['1=1', '1=2', '1=3']);
  }, 60_000);

  it('that hangs does not keep the others from their writes', async () => {
    const gizzard = await open(newCluster(), { work: true });
    await append(gizzard, [note(0)], { wait: true });
    await playground.pause('db2');
    try {
      for (let value = 1; value <= 5; value++) await append(gizzard, [note(value)]);
      const first = async (): Promise<unknown> => {
        const rows = await gizzard.mysql
          .host('db1')
          .rows(`SELECT COUNT(*) FROM \`${gizzard.config.cluster}\`.first_notes`, [], Deadline.after(2_000));
        return rows[0]![0];
      };
      await expect.poll(first, patient).toBe(6);
    } finally {
      await playground.resume('db2');
    }
    await expect.poll(() => gizzard.jobs.sizes('high'), patient).toEqual(idle);
    const held = await notesOf(gizzard);
    expect(held['db2/first']).toEqual(held['db1/first']);
  }, 60_000);
});
