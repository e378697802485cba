import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { stores } from '../../cli/stores.js';
import { openCluster } from '../../cluster/index.js';
import { moveShard } from '../../gizzard/index.js';
import { callRoost } from '../callRoost.js';
import { untilApplied } from '../flock/untilApplied.js';
import { seededRandom } from '../moving/seededRandom.js';
import { freshCluster } from '../support/index.js';
import { ReplicatedRedis } from '../support/replicatedRedis.js';
import { SmallDisk } from '../torture/smallDisk.js';
import { BackupProcess } from './backupProcess.js';
import { ClusterModel, expectSound, type TestCluster } from './clusterModel.js';

// A cluster, and the place of its backup, change while the backup runs.

const seed = Number(process.env['ROOST_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const random = seededRandom(seed);
const folder = mkdtempSync(join(tmpdir(), 'roost-changing-'));
type Fresh = ReturnType<typeof freshCluster>;

beforeAll(() => console.log(`seed ${seed}`));
const small = join(folder, 'small');
afterAll(() => {
  SmallDisk.unmount(small);
  rmSync(folder, { recursive: true, force: true });
});

async function opened({ config }: Pick<Fresh, 'config'>): Promise<TestCluster> {
  const cluster = await openCluster(config, stores, { work: true, create: true });
  onTestFinished(() => cluster.close());
  return cluster;
}
async function roost<Answer>({ configPath }: Pick<Fresh, 'configPath'>, ...args: string[]): Promise<Answer> {
  const { exitCode, stdout, stderr } = await callRoost([...args, '--json', '--config', configPath], folder);
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }, args.join(' ')).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Answer;
}
function start({ configPath }: Pick<Fresh, 'configPath'>, ...args: string[]): BackupProcess {
  const process = new BackupProcess([...args, '--config', configPath], folder, {});
  onTestFinished(() => process.kill());
  return process;
}
/** Writes data that no model checks. */
const untilWritable = (cluster: TestCluster): Promise<void> =>
  expect
    .poll(
      () =>
        cluster.stores.users.put([{ id: 999n, name: 'x', screenName: 'x', flags: 0 }]).then(
          () => '',
          (error: unknown) => String(error),
        ),
      { timeout: 60_000 },
    )
    .toBe('');
async function expectRestored(
  target: Fresh,
  place: string,
  of: string,
  model: ClusterModel,
  also: (cluster: TestCluster) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  expect(await roost(target, 'restore', place, '--of', of)).toMatchObject({ failing: 0, bad: 0 });
  const restored = await opened(target);
  await model.expectIn(restored);
  await expectSound(restored);
  await also(restored);
}

describe('a dump under which the cluster changes', () => {
  const plain = freshCluster('changing');
  const target = freshCluster('changed');
  // Puts timelines beside the journal, which only tests do.
  const withTimelines = (each: Fresh): Fresh => {
    const config = { ...each.config, timeline: { hosts: { tl1: each.config.redis } } };
    writeFileSync(each.configPath, JSON.stringify(config));
    return { ...each, config };
  };

  it(
    'follows shards that move, graphs and windows that go, and names what is made anew',
    { timeout: 300_000 },
    async () => {
      const place = join(folder, 'changing');
      const source = withTimelines(plain);
      const model = new ClusterModel();
      const cluster = await opened(source);
      const { flock, tbird, timeline } = cluster.stores;
      await ClusterModel.setUp(cluster, 1);
      await timeline.setup({ shards: 2, replicas: 1 });
      await flock.createGraph('blocks', { shards: 4, replicas: 1, id: 7 });
      const column = BigInt64Array.from({ length: 200 }, (_, i) => BigInt(i));
      await flock.execute([{ edges: { graphId: 7, operations: 'add', sourceIds: column, destinationIds: column } }]);
      await model.write(cluster, 100, random);
      // This tweet belongs to a window that is past the retention before the dump ends.
      const dayMs = 86_400_000;
      const [old] = await tbird.create([
        { id: (BigInt(Date.now() - 40 * dayMs - 1_288_834_974_657) << 22n) + 5n, userId: 9n, text: 'old' },
      ]);
      await untilApplied(flock);

      const dump = start(source, 'backup', 'run', place, '--parallel', '1', '--max-rows-per-second', '40', '--json');
      await dump.until('a row', async () => (await cluster.gizzard.jobs.archive.look()).to !== '');
      const planner = await cluster.gizzard.migrations.planner();
      const { leaves } = planner.topology.routes(1)[0]!;
      const other = Object.keys(source.config.databaseHosts).find((host) => host !== leaves[0]!.shard.id.hostname)!;
      const [migration] = await cluster.gizzard.migrations.begin(moveShard(planner, leaves[0]!.shard.id, other));
      await roost(source, 'graph', 'drop', 'blocks', '--yes');
      await roost(source, 'tweets', 'setup', '--retention', '30d', '--yes');
      await roost(source, 'tweets', 'roll', '--all', '--yes');
      await model.write(cluster, 40, random);
      await cluster.gizzard.migrations.atRest(migration!, AbortSignal.timeout(60_000));
      expect(dump.runs).toBe(true);
      await model.write(cluster, 20, random);
      const { exitCode, stdout, stderr } = await dump.end();
      expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect((JSON.parse(stdout) as { notSaved: string[] }).notSaved.join()).toContain('made anew');
      await expectRestored(target, place, source.config.cluster, model, async (restored) => {
        expect(restored.stores.flock.graphs().map(({ name }) => name)).not.toContain('blocks');
        expect(await restored.stores.tbird.get(BigInt64Array.of(old!))).toEqual([undefined]);
      });
    },
  );
});

describe('a place whose disk is full', () => {
  const source = freshCluster('fulldisk');
  const target = freshCluster('notfull');
  const place = small;
  mkdirSync(place);
  const disk = SmallDisk.mount(place, 8 << 20);

  it.skipIf(disk === undefined)(
    'is named, and the dump and the follower go on when there is room',
    { timeout: 200_000 },
    async () => {
      const model = new ClusterModel();
      const cluster = await opened(source);
      await ClusterModel.setUp(cluster, 1);
      await model.write(cluster, 60, random);
      disk!.fill();
      const failed = await callRoost(['backup', 'run', place, '--config', source.configPath], folder);
      expect(failed.exitCode).not.toBe(0);
      expect(failed.stderr).toContain('ENOSPC');
      expect(failed.stderr).toContain(place);
      disk!.empty();
      const follower = start(source, 'backup', 'run', place, '--follow', '--every', '1s');
      await follower.until('a dump', () => follower.stdout.includes('is whole'));
      disk!.fill();
      await model.write(cluster, 30, random);
      await follower.until('trouble', () => follower.stderr.includes('ENOSPC'));
      disk!.empty();
      await follower.until('all jobs', async () => (await cluster.gizzard.jobs.archive.look()).jobs === 0);
      await follower.kill('SIGTERM');
      await roost(source, 'backup', 'verify', place);
      await expectRestored(target, place, source.config.cluster, model);
    },
  );
});

describe('a journal that fails over, and one that is emptied', () => {
  const redis = new ReplicatedRedis();
  const base = freshCluster('archived');
  const target = freshCluster('unarchived');
  beforeAll(() => redis.start());
  afterAll(() => redis.stop());

  it('keep what was followed, and then need a new dump', { timeout: 300_000 }, async () => {
    const place = join(folder, 'failover');
    const config = {
      ...base.config,
      redis: { ...base.config.redis, ...redis.config },
      journal: { ...base.config.journal, replicas: 1 },
      jobs: { ...base.config.jobs, claimAfterSeconds: 1 },
    };
    const configPath = join(folder, 'failover.json');
    writeFileSync(configPath, JSON.stringify(config));
    const source = { config, configPath };
    const model = new ClusterModel();
    const cluster = await opened(source);
    await ClusterModel.setUp(cluster, 1);
    await model.write(cluster, 40, random);
    const follower = start(source, 'backup', 'run', place, '--follow', '--every', '1s');
    await follower.until('a dump', () => follower.stdout.includes('is whole'));
    await model.write(cluster, 20, random);
    const killed = await redis.primary();
    await redis.kill(killed);
    await expect.poll(() => redis.primary(), { timeout: 60_000 }).not.toBe(killed);
    await untilWritable(cluster);
    // Meanwhile, the old connections are replaced.
    await sleep(3_000);
    await model.write(cluster, 40, random);
    await follower.until('all jobs', async () => (await cluster.gizzard.jobs.archive.look()).jobs === 0);
    await sleep(2_000);
    expect(follower.runs).toBe(true);
    const before = new ClusterModel(model);
    await untilApplied(cluster.stores.flock);

    const emptied = new Redis(await redis.primary(), '127.0.0.1');
    await emptied.flushall();
    emptied.disconnect();
    const ended = await follower.end();
    expect(ended.exitCode).not.toBe(0);
    expect(ended.stderr).toMatch(/roost journal adopt|is not archived any more/);
    await roost(source, 'journal', 'adopt', '--yes');
    await untilWritable(cluster);
    await model.write(cluster, 20, random);
    const again = start(source, 'backup', 'run', place, '--follow', '--every', '1s');
    await again.until('another dump', () => again.stdout.includes('is whole'));
    await again.kill('SIGTERM');
    const { dumps } = await roost<{ dumps: { dump: string; until: string }[] }>(source, 'backup', 'list', place);
    expect(dumps).toHaveLength(2);
    await roost(source, 'backup', 'verify', place);
    const [first] = dumps;
    expect(await roost(target, 'restore', place, '--of', config.cluster, '--at', first!.until)).toMatchObject({
      bad: 0,
    });
    const restored = await opened(target);
    await before.expectIn(restored);
    await expectSound(restored);
  });
});
