import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { stores } from '../../cli/stores.js';
import { openCluster } from '../../cluster/index.js';
import { untilApplied } from '../flock/untilApplied.js';
import { seededRandom } from '../moving/seededRandom.js';
import { S3Server } from '../s3Server.js';
import { freshCluster } from '../support/index.js';
import { BackupProcess } from './backupProcess.js';
import { ClusterModel, expectSound } from './clusterModel.js';

// Runs commands in their own processes, slows them down, kills them with SIGKILL and runs them again; then destroys
// everything, and restores it into another topology.

const seed = Number(process.env['ROOST_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const random = seededRandom(seed);
const folder = mkdtempSync(join(tmpdir(), 'roost-killed-'));
const s3 = new S3Server();

beforeAll(async () => {
  console.log(`seed ${seed}`);
  await s3.start();
});
afterAll(async () => {
  await s3.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(['folder', 'S3'])('backups in a %s', (kind) => {
  const place = kind === 'S3' ? `s3://${s3.bucket}/killed` : join(folder, 'to');
  const source = freshCluster('killed');
  const [onlyHost] = Object.keys(source.config.databaseHosts);
  const target = freshCluster('revived', {
    databaseHosts: { [onlyHost!]: source.config.databaseHosts[onlyHost!]! },
    nameServer: { hosts: [onlyHost!] },
  });
  const start = ({ configPath }: typeof source, ...args: string[]): BackupProcess => {
    const process = new BackupProcess([...args, '--config', configPath], folder, s3.environment);
    onTestFinished(() => process.kill());
    return process;
  };
  const answer = async <Answer>(process: BackupProcess): Promise<Answer> => {
    const { exitCode, stdout, stderr } = await process.end();
    expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
    return JSON.parse(stdout) as Answer;
  };
  const objects = async (...parts: string[]): Promise<readonly string[]> =>
    (await (await import('../../backup/index.js')).openDestination(place))
      .list(`${source.config.cluster}/${parts[0]!}`)
      .then((all) => all.map(({ name }) => name));

  it('survive kill -9 of the dump, of the follower and of the restore', { timeout: 400_000 }, async () => {
    Object.assign(process.env, s3.environment);
    const model = new ClusterModel();
    const cluster = await openCluster(source.config, stores, { work: true, create: true });
    await ClusterModel.setUp(cluster, 2);
    await model.write(cluster, 150, random);
    await untilApplied(cluster.stores.flock);

    const atMost = (rowsPerSecond: number): string[] => [
      '--parallel',
      '1',
      '--max-rows-per-second',
      `${rowsPerSecond}`,
    ];
    const dump = (rowsPerSecond: number): string[] => ['backup', 'run', place, ...atMost(rowsPerSecond), '--json'];
    const killed = start(source, ...dump(8));
    await killed.until('progress', async () => (await objects('dumps/')).some((name) => name.includes('/progress-')));
    await model.write(cluster, 20, random);
    const second = await start(source, ...dump(8)).end();
    expect(second).toMatchObject({
      exitCode: 13,
      stderr: expect.stringContaining('a dump of this cluster is taken by process') as string,
    });
    await killed.kill();
    await model.write(cluster, 20, random);
    const startedMs = performance.now();
    const whole = await answer<{ rows: number; rowsBefore: number }>(start(source, ...dump(40)));
    expect(whole.rowsBefore).toBeGreaterThan(0);
    // The throttle holds, but for its first burst.
    expect((whole.rows - whole.rowsBefore) / ((performance.now() - startedMs) / 1_000)).toBeLessThan(80);

    const follow = ['backup', 'run', place, '--follow', '--every', '1s'];
    const archived = (follower: BackupProcess): Promise<void> =>
      follower.until('every job is kept', async () => (await cluster.gizzard.jobs.archive.look()).jobs === 0);
    // A dump of before the follower ended its archive: it takes one of its own.
    const first = start(source, ...follow);
    await first.until(
      'a second dump',
      async () => (await objects('dumps/')).filter((name) => name.includes('/whole-')).length === 2,
    );
    await model.write(cluster, 30, random);
    await first.kill();
    await model.write(cluster, 30, random);
    const again = start(source, ...follow);
    await again.until(
      'going on',
      () => again.stderr.includes('going on behind dump') || again.stdout.includes('going on behind dump'),
    );
    const atMoment = new ClusterModel(model);
    const moment = new Date(Number((await cluster.stores.flock.journalTime()) / 1_000n) + 1).toISOString();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await model.write(cluster, 30, random);
    await archived(again);
    await again.kill('SIGTERM');
    expect(again.stdout).toContain('would have been lost');
    await answer(start(source, 'backup', 'verify', place, '--json'));
    await cluster.close();
    await destroy(source);

    const empty = await openCluster(target.config, stores, { create: true, work: false });
    await empty.stores.flock.createGraph('follows', { shards: 5, replicas: 1, id: 1 });
    await empty.close();
    const to = ['restore', place, '--of', source.config.cluster, '--at', moment, '--json'];
    const dying = start(target, ...to, ...atMost(8));
    const looking = await openCluster(target.config, stores, { work: false });
    await dying.until('rows', async () =>
      /"phase":"rows","next":[1-9]/.test((await looking.gizzard.jobs.archive.restoreState()) ?? ''),
    );
    expect(await start(target, ...to).end()).toMatchObject({
      exitCode: 13,
      stderr: expect.stringContaining('a backup is restored into this cluster by process') as string,
    });
    await dying.kill();
    await looking.close();
    expect(await answer(start(target, ...to))).toMatchObject({ at: moment, leftOut: [], failing: 0, bad: 0 });
    const restored = await openCluster(target.config, stores, { work: true });
    try {
      await atMoment.expectIn(restored);
      await expectSound(restored);
      const before = new Set(model.tweets.keys());
      await atMoment.write(restored, 30, random);
      await untilApplied(restored.stores.flock);
      await atMoment.expectIn(restored);
      // New ids are neither ids of the moment nor ids that the old cluster assigned after it.
      const greatest = [...before].reduce((a, b) => (a > b ? a : b));
      for (const id of atMoment.tweets.keys()) expect(before.has(id) || id > greatest).toBe(true);
    } finally {
      await restored.close();
    }
  });
});

async function destroy({ config }: ReturnType<typeof freshCluster>): Promise<void> {
  for (const { socketPath, host, port, user, password } of Object.values(config.databaseHosts)) {
    const connection = await createConnection({
      user,
      ...(password === undefined ? {} : { password }),
      ...(socketPath === undefined ? { host, port } : { socketPath }),
    });
    const [rows] = await connection.query({ sql: 'SHOW DATABASES', rowsAsArray: true });
    for (const [database] of rows as string[][])
      if (database!.startsWith(config.cluster)) await connection.query(`DROP DATABASE \`${database}\``);
    await connection.end();
  }
  const redis = new Redis(config.redis.port, config.redis.host);
  const keys = await redis.keys(`*${config.cluster}*`);
  if (keys.length > 0) await redis.del(...keys);
  redis.disconnect();
}
