import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { moveShard } from '../gizzard/index.js';
import type { RoostConfig } from '../process/index.js';
import { openTbird, type Tbird } from '../tbird/index.js';
import { runRoost } from './runRoost.js';
import { KillableCluster } from './support/killableCluster.js';

// Tests which work continues when the first host of the name server is killed, and which work another host takes
// over. No process is restarted, and no configuration is changed.

const dayMs = 86_400_000;
const leaseMs = 900;
const edges = 2_000;
let cluster: KillableCluster;
let config: RoostConfig;
let tbird: Tbird;

const open = (): Promise<Tbird> => openTbird(config, { work: true, create: true, leaseMs });
const roost = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { exitCode, stdout, stderr } = await runRoost([...args, '--config', cluster.configPath, '--json'], '.');
  if (exitCode !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
};

beforeAll(async () => {
  cluster = await KillableCluster.start({
    databaseHosts: 3,
    servers: 0,
    overrides: { nameServer: { hosts: ['db1', 'db2', 'db3'], reloadSeconds: 0.1 } },
    setUp: () => Promise.resolve(),
  });
  ({ config } = cluster);
  tbird = await open();
}, 60_000);
afterAll(async () => {
  await tbird.close();
  await cluster.stop();
}, 60_000);

it('keeps tweets, migrations and lists going without the primary, and loses no change when another is promoted', async () => {
  const policy = { windowMs: dayMs, stripes: 1, replicas: 2, openHosts: ['db2', 'db3'], retentionMs: 365 * dayMs };
  await tbird.setup({ policy, graphShards: 1 });
  const { gizzard, flock } = tbird;
  const { id: graphId } = await flock.createGraph('moved', { shards: 1, replicas: 1, hosts: ['db2'] });
  const write = {
    graphId,
    operations: 'add' as const,
    sourceIds: BigInt64Array.from({ length: edges }, () => 5n),
    destinationIds: BigInt64Array.from({ length: edges }, (_, i) => BigInt(i)),
  };
  await flock.write(write, { acknowledgment: 'materialized', deadlineMs: 20_000 });
  const create = (): Promise<unknown> =>
    tbird.create([{ userId: 7n, text: 'still here' }], { acknowledgment: 'materialized' });
  await create();
  const planner = await gizzard.migrations.planner();
  const slow = { minRowsPerSecond: 100, maxRowsPerSecond: 100 };
  const [id] = await gizzard.migrations.begin(
    moveShard(planner, planner.topology.routes(graphId)[0]!.leaves[0]!.shard.id, 'db3'),
    slow,
  );
  const moved = async (): Promise<number> =>
    (await gizzard.migrations.show(id!)).moves.reduce((sum, { rowsDone }) => sum + rowsDone, 0);
  await expect.poll(moved, { timeout: 20_000 }).toBeGreaterThan(0);

  await cluster.playground.kill('db1');
  // These answers come from the database; no process remembers them.
  expect((await roost('migrations', 'list'))['migrations']).toMatchObject([{ id, state: 'running' }]);
  expect((await tbird.windows()).length).toBeGreaterThan(0);
  expect(await tbird.windowSet.freshPolicy()).toMatchObject({ windowMs: dayMs, retentionMs: 365 * dayMs });
  await expect(gizzard.migrations.pause(id!)).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringMatching(/^db1, the primary .* `roost nameserver promote HOST`/) as unknown,
  });
  for (let i = 0; i < 5; i++) {
    await create();
    await sleep(leaseMs / 2);
  }

  expect(await roost('nameserver', 'promote', 'db2', '--yes')).toMatchObject({
    primary: 'db2',
    promoted: true,
    servers: [],
  });
  expect(await roost('nameserver', 'promote', 'db2', '--yes')).toMatchObject({ promoted: false, servers: [] });
  await gizzard.migrations.pause(id!);
  await gizzard.migrations.resume(id!);
  await create();
  await expect(tbird.setup({ policy: { windowMs: 2 * dayMs } })).rejects.toMatchObject({
    code: 'FailedPrecondition',
    message: expect.stringContaining('stay so') as unknown,
  });
  await create();
  const { migrations, moves } = tbird.gizzard;
  const fast = { minRowsPerSecond: 100_000, maxRowsPerSecond: 100_000 };
  const hurried = async (): Promise<string> => {
    const { state, moves: slow } = await migrations.show(id!);
    for (const move of slow) if (move.maxRowsPerSecond < fast.maxRowsPerSecond) await moves.setRates(move.id, fast);
    return state;
  };
  await expect.poll(hurried, { timeout: 60_000, interval: 50 }).toBe('settled');
  await migrations.cleanup(id!);
  await expect.poll(hurried, { timeout: 60_000, interval: 50 }).toBe('done');
  expect((await tbird.flock.counts(graphId, 'forward', BigInt64Array.of(5n)))[0]).toMatchObject({
    normal: BigInt(edges),
  });

  // The host comes back as it was, and becomes like the others.
  await cluster.playground.restart('db1');
  await expect
    .poll(
      async () =>
        (await tbird.gizzard.replicas.examine()).map(({ host, primary, state }) => `${host} ${primary} ${state}`),
      { timeout: 20_000 },
    )
    .toEqual(['db2 true current', 'db1 false current', 'db3 false current']);
  // A process that starts learns of the change too, and hears of the way back as the others do.
  const started = await open();
  try {
    expect(started.gizzard.control.host.name).toBe('db2');
    await started.flock.createGraph('after', { shards: 1, replicas: 1, hosts: ['db3'] });
    expect(await roost('nameserver', 'promote', 'db1', '--yes')).toMatchObject({ promoted: true, servers: [] });
    await started.flock.createGraph('handedOver', { shards: 1, replicas: 1, hosts: ['db3'] });
    await tbird.setup({ policy: { retentionMs: 366 * dayMs } });
    await create();
  } finally {
    await started.close();
  }
  expect((await roost('nameserver', 'status'))['replicas']).toMatchObject([
    { host: 'db1', primary: true, state: 'current' },
    { host: 'db2', primary: false, state: 'current' },
    { host: 'db3', primary: false, state: 'current' },
  ]);
}, 180_000);
