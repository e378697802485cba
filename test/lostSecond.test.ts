import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openFlock } from '../flock/index.js';
import { callRoost } from './callRoost.js';
import { KillableCluster } from './support/killableCluster.js';

let cluster: KillableCluster;

beforeAll(async () => {
  cluster = await KillableCluster.start({
    databaseHosts: 1,
    servers: 1,
    redisFsync: 'everysec',
    setUp: async (config) => {
      const flock = await openFlock(config, { create: true });
      await flock.createGraph('follows', { shards: 1, replicas: 1 });
      await flock.close();
    },
  });
}, 120_000);
afterAll(() => cluster?.stop());

it('refuses writes when the only server and the Redis that it wrote to die together and the last second is gone', async () => {
  const roost = await cluster.connect();
  const follows = await roost.graph('follows');
  await follows.add(1, 2, { acknowledgment: 'materialized' });
  const file = join(cluster.playground.dir, 'redis/appendonlydir');
  const copy = join(cluster.playground.dir, 'kept');
  cpSync(file, copy, { recursive: true });
  await follows.add(1, 3);
  // The machine of both loses its power: the file of Redis ends where it was written last.
  await Promise.all([cluster.servers[0]!.kill(), cluster.playground.kill('redis')]);
  await roost.close();
  rmSync(file, { recursive: true });
  cpSync(copy, file, { recursive: true });
  await cluster.playground.restart('redis');
  await cluster.servers[0]!.start();

  const later = await cluster.connect();
  const graph = await later.graph('follows');
  await expect(graph.add(1, 4)).rejects.toMatchObject({ code: 'FailedPrecondition' });
  const adopted = await callRoost(['journal', 'adopt', '--yes', '--config', cluster.configPath], '.');
  expect(adopted.stderr).toBe('');
  expect(adopted.exitCode).toBe(0);
  await expect
    .poll(
      () =>
        graph.add(1, 4).then(
          () => true,
          () => false,
        ),
      { timeout: 20_000 },
    )
    .toBe(true);
  await later.close();
}, 90_000);
