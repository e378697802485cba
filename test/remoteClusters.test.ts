import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RemoteHost, RemoteStatus } from '../gizzard/index.js';
import { type ClusterServer, startClusterServer } from './clusterServer.js';
import { freshCluster } from './support/index.js';

const options = {
  nameServer: { hosts: ['db1'], reloadSeconds: 0.1 },
  jobs: { errorDelaySeconds: 0.1, errorLimit: 3, maxReplicating: 20 },
};
const east = freshCluster('east', options);
const west = freshCluster('west', options);
let a: ClusterServer;
let b: ClusterServer;
let injectorPort: number;
let nextId = 1n;

beforeAll(async () => {
  a = await startClusterServer(east.config);
  b = await startClusterServer(west.config);
  injectorPort = b.injectorPort;
  for (const { flock } of [a, b]) await flock.createGraph('follows', { shards: 2, replicas: 1 });
  await a.flock.gizzard.nameServer.apply([{ kind: 'setRemoteHost', host: westHost('normal') }]);
  await b.flock.gizzard.nameServer.apply([
    { kind: 'setRemoteHost', host: { hostname: '127.0.0.1', port: a.injectorPort, cluster: 'east', status: 'normal' } },
  ]);
});

afterAll(async () => {
  await a.close();
  await b.close();
});

const westHost = (status: RemoteStatus): RemoteHost => ({
  hostname: '127.0.0.1',
  port: injectorPort,
  cluster: 'west',
  status,
});
const setWest = (status: RemoteStatus) =>
  a.flock.gizzard.nameServer.apply([{ kind: 'setRemoteHost', host: westHost(status) }]);

async function add(server: ClusterServer, graphId = 1): Promise<bigint> {
  const id = nextId++;
  await server.flock.write(
    { graphId, operations: 'add', sourceIds: BigInt64Array.of(id), destinationIds: BigInt64Array.of(id + 1n) },
    { acknowledgment: 'journaled' },
  );
  return id;
}
const state = async (server: ClusterServer, id: bigint) =>
  (await server.flock.states(1, BigInt64Array.of(id), BigInt64Array.of(id + 1n)))[0];
const arrives = (server: ClusterServer, id: bigint) =>
  expect.poll(() => state(server, id), { timeout: 15_000 }).toBe('normal');
const backlog = async (): Promise<{ queued: number; failing: number; bad: number }> => {
  const statuses = await a.flock.gizzard.jobs.queues.status('west');
  const sum = (queue: 'queued' | 'failing' | 'bad'): number =>
    statuses.reduce((all, status) => all + status[queue].jobs, 0);
  return { queued: sum('queued'), failing: sum('failing'), bad: sum('bad') };
};
const emptied = () => expect.poll(backlog, { timeout: 15_000 }).toMatchObject({ queued: 0, failing: 0 });
const applied = async (server: ClusterServer): Promise<number> => {
  const metric = await server.metrics.registry.getSingleMetric('roost_jobs_total')!.get();
  return metric.values
    .filter(({ labels }) => labels['outcome'] === 'applied')
    .reduce((sum, { value }) => sum + value, 0);
};

beforeEach(() => setWest('normal'));

it('replicates writes both ways, and none of them comes back', async () => {
  const before = { a: await applied(a), b: await applied(b) };
  const fromA = await add(a);
  const fromB = await add(b);
  await arrives(b, fromA);
  await arrives(a, fromB);
  await emptied();
  await expect
    .poll(async () => ({ a: await applied(a), b: await applied(b) }))
    .toEqual({ a: before.a + 2, b: before.b + 2 });
  // Both sides have the same time and position, so that any later write merges alike.
  const ids = [BigInt64Array.of(fromA), BigInt64Array.of(fromA + 1n)] as const;
  expect(await b.flock.edges(1, ...ids)).toEqual(await a.flock.edges(1, ...ids));
});

it('keeps a backlog for a cluster that is away, refuses writes past its bound, and sends it when the cluster is back', async () => {
  await b.close();
  const ids: bigint[] = [];
  for (let i = 0; i < 20; i++) ids.push(await add(a));
  await expect.poll(async () => Object.values(await backlog()).reduce((sum, count) => sum + count)).toBe(20);
  await expect(add(a)).rejects.toMatchObject({
    code: 'Overloaded',
    message: expect.stringContaining('cluster west') as string,
    fields: { cluster: 'west', priority: 'high' },
  });
  // Writes continue here meanwhile, and failures to send do not count as failures of the jobs.
  await arrives(a, ids[19]!);
  b = await startClusterServer(west.config, { injectorPort });
  for (const id of ids) await arrives(b, id);
  await emptied();
  expect((await backlog()).bad).toBe(0);
});

it('keeps the jobs for a cluster that is blocked, until it is not', async () => {
  await setWest('blocked');
  const id = await add(a);
  await arrives(a, id);
  expect(await backlog()).toEqual({ queued: 1, failing: 0, bad: 0 });
  expect(await state(b, id)).toBeUndefined();
  await setWest('normal');
  await arrives(b, id);
  await emptied();
});

it('drops the jobs for a cluster that is blackholed', async () => {
  await setWest('blocked');
  const kept = await add(a);
  await setWest('blackholed');
  await emptied();
  const dropped = await add(a);
  await arrives(a, dropped);
  await setWest('normal');
  const later = await add(a);
  await arrives(b, later);
  expect(await state(b, kept)).toBeUndefined();
  expect(await state(b, dropped)).toBeUndefined();
});

it('gives up a job that the other side refuses, and only that', async () => {
  await a.flock.createGraph('only_east', { shards: 1, replicas: 1, id: 9 });
  await setWest('blocked');
  await add(a, 9);
  const good = await add(a);
  await setWest('normal');
  await arrives(b, good);
  await expect.poll(backlog, { timeout: 15_000 }).toEqual({ queued: 0, failing: 0, bad: 1 });
  expect(await a.flock.gizzard.jobs.queues.dropRemote('west')).toBe(1);
});

describe('on a server that has not heard of a change of remote clusters', () => {
  const south = freshCluster('south', options);
  let unaware: ClusterServer;
  let c: ClusterServer;

  beforeAll(async () => {
    unaware = await startClusterServer({
      ...east.config,
      nameServer: { ...east.config.nameServer, reloadSeconds: 3_000 },
    });
    c = await startClusterServer(south.config);
    await c.flock.createGraph('follows', { shards: 2, replicas: 1 });
  });

  afterAll(async () => {
    await unaware.close();
    await c.close();
  });

  const addMany = (server: ClusterServer): Promise<bigint[]> =>
    Promise.all(Array.from({ length: 15 }, () => add(server)));

  it('sends no write, journaled after a cluster was blocked, that waits for it', async () => {
    await unaware.flock.gizzard.nameServer.reload();
    await setWest('blocked');
    const ids = await addMany(a);
    await arrives(a, ids[14]!);
    await expect.poll(backlog).toEqual({ queued: 15, failing: 0, bad: 0 });
    // The first write after the unblock sends all of them: none was sent before.
    const before = await applied(b);
    await setWest('normal');
    for (const id of ids) await arrives(b, id);
    expect(await applied(b)).toBe(before + 15);
    await emptied();
  });

  it('sends every write, journaled after a cluster moved to another host, there and only there', async () => {
    await unaware.flock.gizzard.nameServer.reload();
    const moved = { ...westHost('normal'), port: c.injectorPort };
    await a.flock.gizzard.nameServer.apply([{ kind: 'removeRemoteHost', hostname: '127.0.0.1', port: injectorPort }]);
    await a.flock.gizzard.nameServer.apply([{ kind: 'setRemoteHost', host: moved }]);
    const ids = await addMany(a);
    for (const id of ids) await arrives(c, id);
    await emptied();
    for (const id of ids) expect(await state(b, id)).toBeUndefined();
    await a.flock.gizzard.nameServer.apply([{ kind: 'removeRemoteHost', hostname: '127.0.0.1', port: moved.port }]);
  });

  it('sends writes to a cluster that was added, and none that was removed', async () => {
    await a.flock.gizzard.nameServer.apply([{ kind: 'removeRemoteHost', hostname: '127.0.0.1', port: injectorPort }]);
    await unaware.flock.gizzard.nameServer.reload();
    await setWest('normal');
    const sent = await addMany(unaware);
    await a.flock.gizzard.nameServer.apply([{ kind: 'removeRemoteHost', hostname: '127.0.0.1', port: injectorPort }]);
    const kept = await addMany(unaware);
    await arrives(a, kept[14]!);
    await setWest('normal');
    for (const id of sent) await arrives(b, id);
    await emptied();
    for (const id of kept) expect(await state(b, id)).toBeUndefined();
  });
});
