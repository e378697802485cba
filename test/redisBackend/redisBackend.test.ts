import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openCluster, type Cluster } from '../../cluster/index.js';
import { Deadline } from '../../core/index.js';
import { moveShard, type MoveTask, type ShardId } from '../../gizzard/index.js';
import { startPlayground, type Playground } from '../../playground/index.js';
import { loadConfig, type RedisConfig, type RoostConfig } from '../../process/index.js';
import { usersStore, type Users } from '../../users/index.js';
import { secondShard, shardOf, wordsStore, type Words } from './wordsStore.js';

// Tests a store whose leaves are Redis hashes, beside a store on MySQL, on the same Gizzard. The servers are redis2
// to redis4; their hosts in the topology are r2 to r4.
const dir = mkdtempSync(join(tmpdir(), 'roost-redis-backend-'));
const never = new AbortController().signal;
const key = (i: number): bigint => BigInt(i * 30);
const keys = Array.from({ length: 60 }, (_, i) => key(i));
let playground: Playground;
let cluster: Cluster;
let words: Words;
let users: Users;

beforeAll(async () => {
  playground = await startPlayground({ dir, databaseHosts: 1, caches: 0, redisServers: 4 });
  const { config: loaded } = loadConfig({ path: playground.configPath, environment: {} });
  const config: RoostConfig = {
    ...loaded,
    nameServer: { ...loaded.nameServer, reloadSeconds: 0.1 },
    jobs: { ...loaded.jobs, errorDelaySeconds: 0.1 },
  };
  const hosts: Record<string, RedisConfig> = {};
  for (const [i, address] of playground.redisServers.entries())
    if (i > 0) hosts[`r${i + 1}`] = { ...config.redis, ...address };
  const opened = await openCluster(config, [wordsStore(hosts), usersStore], {
    work: true,
    create: true,
    caches: false,
  });
  cluster = opened;
  ({ words, users } = opened.stores);
  await words.setup(['r2', 'r3']);
  await users.setup({ shards: 1, replicas: 1, hosts: ['db1'] });
}, 120_000);

afterAll(async () => {
  await cluster?.close();
  await playground?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const at = (hostname: string, tablePrefix = 'words_1'): ShardId => ({ hostname, tablePrefix });
const textsAt = async (id: ShardId): Promise<string[]> =>
  (await words.leaf(id)).map(({ key, text }) => `${key} ${text}`);
const putAll = (text: string): Promise<unknown> => Promise.all(keys.map((one) => words.put(one, `${text} ${one}`)));
const texts = (text: string, of: readonly bigint[] = keys): string[] => of.map((one) => `${text} ${one}`);
const getAll = (): Promise<(string | undefined)[]> => Promise.all(keys.map((one) => words.get(one)));
const firstShard = keys.filter((one) => one < secondShard);
const stored = (text: string): string[] => firstShard.map((one) => `${one} ${text} ${one}`);
const failing = async (): Promise<number> => (await cluster.gizzard.jobs.sizes('high')).failing;
const done = async (kind: 'copy' | 'repair' | 'diff', ...ids: ShardId[]): Promise<MoveTask> =>
  cluster.gizzard.moves.finished(await cluster.gizzard.moves.request(kind, ids), never);

it('writes are journaled, routed by key and applied to every replica, beside those of a store on MySQL', async () => {
  await Promise.all([
    putAll('first'),
    users.put([{ id: 12n, name: 'Jack', screenName: 'jack', flags: 0 }], { acknowledgment: 'materialized' }),
  ]);
  expect(await getAll()).toEqual(texts('first'));
  expect(await users.get([12n])).toMatchObject([{ name: 'Jack' }]);
  for (const host of ['r2', 'r3']) {
    expect(await textsAt(at(host))).toEqual(stored('first'));
    expect((await words.leaf(at(host, 'words_2'))).length).toBe(keys.length - firstShard.length);
  }
});

it('reads go on without a replica, and its writes wait until it is back', async () => {
  await playground.kill('redis2');
  await putAll('without r2');
  expect(await getAll()).toEqual(texts('without r2'));
  expect(await failing()).toBeGreaterThan(0);
  expect((await cluster.gizzard.jobs.laggingHosts()).map(({ host }) => host)).toEqual(['r2']);
  expect(cluster.gizzard.hosts.isHealthy('r3')).toBe(true);
  expect(await cluster.gizzard.doctor.examine()).toContainEqual(
    expect.objectContaining({ kind: 'unreachableHost', subject: 'r2' }),
  );

  await playground.restart('redis2');
  await expect.poll(failing, { timeout: 20_000 }).toBe(0);
  expect(await textsAt(at('r2'))).toEqual(stored('without r2'));
  expect(await cluster.gizzard.doctor.examine()).toEqual([]);
});

it('a shard is copied, compared and repaired', async () => {
  const copy = at('r4', 'copied');
  await cluster.gizzard.apply([{ kind: 'createShard', shard: shardOf('r4', 'copied', 'words') }]);
  expect((await done('copy', at('r3'), copy)).rowsDone).toBe(firstShard.length);
  expect((await done('diff', at('r3'), at('r2'), copy)).differenceCount).toBe(0);
  await words.hosts
    .host('r4')
    .run(Deadline.after(5_000), (redis) =>
      redis.hdel(`${cluster.config.cluster}:words:copied`, String(key(3)), String(key(5))),
    );
  expect((await done('diff', at('r3'), copy)).differenceCount).toBe(2);
  await done('repair', at('r3'), copy);
  expect(await textsAt(copy)).toEqual(stored('without r2'));
});

it('a migration moves a shard to another host while it is written', async () => {
  const { migrations } = cluster.gizzard;
  const plans = moveShard(await migrations.planner(), at('r2'), 'r4');
  const [id] = await migrations.begin(plans, { cleanup: true });
  const [migration] = await Promise.all([migrations.atRest(id!, never), putAll('moved')]);
  expect(migration.state).toBe('done');
  const { leaves } = cluster.gizzard.topology.route(7, 0n);
  expect(leaves.map(({ shard }) => shard.id.hostname).sort()).toEqual(['r3', 'r4']);
  for (const { shard } of leaves) expect(await textsAt(shard.id)).toEqual(stored('moved'));
  const left = await cluster.gizzard.moves.movableType('words').stored(words.hosts.host('r2'), Deadline.after(5_000));
  expect([...left.keys()]).toEqual(['words_2']);
  expect(await getAll()).toEqual(texts('moved'));
}, 60_000);

it('a shard that is dropped can be brought back', async () => {
  const { dropped, topology } = cluster.gizzard;
  const shard = topology.shard(at('r4', 'copied'));
  const aside = await dropped.setAside(shard, { why: 'a test', keepMs: 3_600_000 });
  expect(await dropped.list('r4')).toEqual([aside]);
  await expect(textsAt(shard.id)).resolves.toEqual([]);
  await dropped.bringBack(aside!);
  expect(await dropped.list('r4')).toEqual([]);
  expect(await textsAt(shard.id)).toEqual(stored('without r2'));
});

it('a shard is not made on a host of another backend', async () => {
  const { gizzard } = cluster;
  await expect(gizzard.apply([{ kind: 'createShard', shard: shardOf('db1', 'lost', 'words') }])).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringMatching(/live on redis: db1 is a host of mysql/) as string,
  });
  const plans = moveShard(await gizzard.migrations.planner(), at('r3'), 'db1');
  await expect(gizzard.migrations.begin(plans)).rejects.toThrow(/words, which lives on redis: db1 is a host of mysql/);
});
