import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runCli } from '../../cli/program.js';
import { stores } from '../../cli/stores.js';
import { Archiver, openDestination, Vault } from '../../backup/index.js';
import { openCluster } from '../../cluster/index.js';
import { callRoost, recordedIo } from '../callRoost.js';
import { untilApplied } from '../flock/untilApplied.js';
import { seededRandom } from '../moving/seededRandom.js';
import { freshCluster } from '../support/index.js';
import { ClusterModel, expectSound, type TestCluster } from './clusterModel.js';

const seed = Number(process.env['ROOST_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const random = seededRandom(seed);

const source = freshCluster('backup');
const [onlyHost] = Object.keys(source.config.databaseHosts);
/** The target has one host; the source has two. */
const target = freshCluster('restored', {
  databaseHosts: { [onlyHost!]: source.config.databaseHosts[onlyHost!]! },
  nameServer: { hosts: [onlyHost!] },
});
const folder = mkdtempSync(join(tmpdir(), 'roost-backup-'));
const place = join(folder, 'to');
const model = new ClusterModel();
/** The model of the cluster as of that moment. */
let atMoment: ClusterModel;
let moment: string;
let cluster: TestCluster;

type Fresh = typeof source;
interface Listed {
  readonly dumps: readonly Moments[];
}
interface Moments {
  readonly dump: string;
  readonly from: string;
  readonly until?: string;
}

async function roost<Answer>({ configPath }: Fresh, ...args: string[]): Promise<Answer> {
  const { exitCode, stdout, stderr } = await callRoost([...args, '--json', '--config', configPath], folder);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Answer;
}
async function failure({ configPath }: Fresh, ...args: string[]): Promise<string> {
  const { exitCode, stderr } = await callRoost([...args, '--config', configPath], folder);
  expect(exitCode).not.toBe(0);
  return stderr;
}
const list = (): Promise<Listed> => roost(source, 'backup', 'list', place);
const setPaused = (kind: 'pauseJobs' | 'resumeJobs') => cluster.gizzard.nameServer.apply([{ kind, priority: 'high' }]);
/** Runs `work` while one bit of an object is flipped. */
async function whileFlipped(name: string, work: () => Promise<void>): Promise<void> {
  const path = join(place, name);
  const bytes = readFileSync(path);
  const flipped = Buffer.from(bytes);
  flipped[random(flipped.length)]! ^= 1 << random(8);
  writeFileSync(path, flipped);
  await work();
  writeFileSync(path, bytes);
}
const objects = (part: string): string[] =>
  readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(gz|json)$/.test(name) && name.includes(part))
    .sort();

beforeAll(async () => {
  console.log(`seed ${seed}`);
  cluster = await openCluster(source.config, stores, { work: true, create: true });
  await ClusterModel.setUp(cluster, 2);
});
afterAll(async () => {
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

it('dumps a cluster that is written to, and then keeps each job that it accepts', async () => {
  await model.write(cluster, 50, random);
  // Jobs that wait when the dump starts are in it as well.
  await setPaused('pauseJobs');
  await model.write(cluster, 20, random);
  const { io, written } = recordedIo(folder);
  const ended = new AbortController();
  const command = ['backup', 'run', place, '--follow', '--every', '1s', '--config', source.configPath];
  const following = runCli(command, { ...io, signal: ended.signal });
  await model.write(cluster, 20, random);
  await setPaused('resumeJobs');
  await expect.poll(async () => (await list()).dumps.length, { timeout: 30_000 }).toBe(1);
  await model.write(cluster, 20, random);
  atMoment = new ClusterModel(model);
  moment = new Date(Number((await cluster.stores.flock.journalTime()) / 1_000n) + 1).toISOString();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await model.write(cluster, 30, random);
  const last = (await cluster.gizzard.jobs.archive.look()).accepted;
  await expect
    .poll(() => objects('journal/').some((name) => Number(name.split('-')[1]) >= last), { timeout: 30_000 })
    .toBe(true);
  ended.abort('SIGTERM');
  // A busy machine shows progress.
  const stderr = written.stderr.replace(/^dumping.*\n/gm, '');
  expect({ exitCode: await following, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(written.stdout).toMatch(/can be restored to any moment from .* to /);
  expect(written.stdout).toContain('would have been lost');
  const [{ rows: _rows, bytes: _bytes, ...dump }] = (await list()).dumps as [
    Moments & Record<'rows' | 'bytes', number>,
  ];
  expect(dump.from < moment && moment < dump.until!).toBe(true);
  expect(await roost(source, 'backup', 'verify', place)).toMatchObject({ faults: [], dumps: [dump] });
});

it('restores a moment into a cluster of other numbers of hosts and shards, and goes on where it was stopped', async () => {
  const empty = await openCluster(target.config, stores, { create: true, work: false });
  await empty.stores.flock.createGraph('follows', { shards: 5, replicas: 1, id: 1 });
  await empty.close();
  const restore = ['restore', place, '--of', source.config.cluster, '--at', moment];
  expect(await failure(target, ...restore.with(-1, '2001-01-01T00:00:00Z'))).toContain('can be restored');
  for (const name of [objects('/rows-').at(-1)!, objects('journal/')[0]!])
    await whileFlipped(name, async () => expect(await failure(target, ...restore)).toContain(name));
  const report = await roost(target, ...restore);
  expect(report).toMatchObject({ at: moment, leftOut: [], failing: 0, bad: 0 });
  expect(report).toMatchObject({ already: false });
  expect(await roost(target, ...restore)).toMatchObject({ already: true });
  expect(await failure(target, 'backup', 'list', place)).toContain(
    `it has those of ${source.config.cluster}, which --of`,
  );
  const restored = await openCluster(target.config, stores, { work: true });
  try {
    await atMoment.expectIn(restored);
    await expectSound(restored);
    // New times and ids follow those that were restored.
    await atMoment.write(restored, 20, random);
    await untilApplied(restored.stores.flock);
    await atMoment.expectIn(restored);
  } finally {
    await restored.close();
  }
  expect(await failure(target, 'restore', place, '--of', source.config.cluster)).toContain(
    'is restored into this cluster',
  );
  expect(await failure(source, 'restore', place)).toContain('the cluster is not empty');
});

it('names each object that is damaged or missing', async () => {
  for (const name of objects(''))
    await whileFlipped(name, async () => expect(await failure(source, 'backup', 'verify', place)).toContain(name));
  const [{ from }] = (await list()).dumps as [Moments];
  const restorable = async (): Promise<Moments> => {
    const { stdout } = await callRoost(['backup', 'verify', place, '--json', '--config', source.configPath], folder);
    return (JSON.parse(stdout) as Listed).dumps[0]!;
  };
  const segments = objects('journal/');
  await whileFlipped(segments.at(-1)!, async () => {
    const { until } = await restorable();
    expect(from <= until! && until! < new Date().toISOString()).toBe(true);
  });
  await whileFlipped(objects('/rows-')[0]!, async () => expect(await restorable()).not.toHaveProperty('until'));
  for (const name of [segments[0]!, segments.at(-1)!, objects('/rows-')[0]!, objects('/waiting-')[0]!]) {
    const bytes = readFileSync(join(place, name));
    rmSync(join(place, name));
    expect(await failure(source, 'backup', 'verify', place)).toMatch(
      name.includes('journal/') ? /jobs \d+ to \d+ of the journal are missing/ : /is missing/,
    );
    writeFileSync(join(place, name), bytes);
  }
});

it('forgets jobs that the place has, also where a run was killed before it could, and says so to nobody', async () => {
  const { archive } = cluster.gizzard.jobs;
  const vault = new Vault(await openDestination(place), source.config.cluster);
  await model.write(cluster, 5, random);
  const trim = vi.spyOn(archive, 'trim').mockRejectedValueOnce(new Error('killed'));
  await expect(new Archiver(archive, vault).step()).rejects.toThrow('killed');
  trim.mockRestore();
  expect((await archive.look()).jobs).toBeGreaterThan(0);
  expect(await new Archiver(archive, vault).step()).toMatchObject({ jobs: 0 });
  expect(await archive.look()).toMatchObject({ jobs: 0, oldestMicros: undefined });
});

it('prunes old dumps and what only they need, and never the last', async () => {
  const [old] = (await list()).dumps;
  await roost(source, 'backup', 'run', place);
  expect(await roost(source, 'backup', 'prune', place, '--keep', '1', '--yes')).toMatchObject({ removed: [old!.dump] });
  expect(await roost(source, 'backup', 'prune', place, '--newer-than', '1s', '--yes')).toMatchObject({ removed: [] });
  expect((await list()).dumps).toHaveLength(1);
  expect(await roost(source, 'backup', 'verify', place)).toMatchObject({ faults: [] });
  expect(await roost(source, 'backup', 'stop', '--yes')).toMatchObject({ ended: true });
});
