import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline, limits, packIds } from '../core/index.js';
import { ExecuteOperationType, PriorityNumber, RoostFlockClient } from '../wire/index.js';
import { connect, ThriftConnection, type Graph, type Roost } from '../sdk/index.js';
import { openTbird } from '../tbird/index.js';
import { openUsers } from '../users/index.js';
import { startServeProcess, type ServeProcess } from './serveProcess.js';
import { freshCluster } from './support/index.js';
import { SlowProxy } from './support/slowProxy.js';

// An older write that reaches its server late must not undo a newer write that was acknowledged meanwhile, whether
// the server was stopped or the network held the write.

const { config, configPath } = freshCluster('held_writes', { jobs: { claimAfterSeconds: 1 } });
/** A server that does not answer is given up after three quarters of this deadline. */
const deadlineMs = 2_000;

let servers: ServeProcess[] = [];
let roost: Roost;
let elsewhere: Roost;
let follows: Graph;

const addresses = (name: 'flock' | 'tbird' | 'users', some = servers): string[] =>
  some.map(({ ready }) => `127.0.0.1:${ready[name].port}`);
const clientOf = (some: readonly ServeProcess[], flock = addresses('flock', [...some])): Promise<Roost> =>
  connect({ servers: flock, tweetServers: addresses('tbird', [...some]), userServers: addresses('users', [...some]) });

beforeAll(async () => {
  const tbird = await openTbird(config, { create: true });
  await tbird.flock.createGraph('follows', { shards: 1, replicas: 2 });
  await tbird.setup({ graphShards: 1, policy: { replicas: 1, stripes: 1 } });
  await tbird.close();
  const users = await openUsers(config);
  await users.setup({ shards: 1, replicas: 1 });
  await users.close();
  servers = await Promise.all([startServeProcess(configPath), startServeProcess(configPath)]);
  roost = await clientOf(servers);
  elsewhere = await clientOf(servers.slice(1));
  follows = await roost.graph('follows');
}, 60_000);
afterAll(async () => {
  await Promise.all([roost, elsewhere].map((client) => client.close()));
  await Promise.all(servers.map((server) => server.stop()));
});

/** Returns a client that has a connection to each server, and counts every server as healthy. */
async function freshClient(flock?: string[]): Promise<Roost> {
  const fresh = await clientOf(servers, flock);
  await Promise.all(
    Array.from({ length: 4 }, () => Promise.all([fresh.graphs(), fresh.tweets.windows(), fresh.users.getMany([1])])),
  );
  return fresh;
}

const first = (): ServeProcess => servers[0]!;
const stop = (): void => void process.kill(first().ready.pid, 'SIGSTOP');
const goOn = (): void => void process.kill(first().ready.pid, 'SIGCONT');
const applied = async (): Promise<void> => {
  // The server answers only once it has read what came before on other connections, give or take a turn.
  const direct = await clientOf([first()]);
  for (let i = 0; i < 5; i++) await direct.graphs();
  await direct.close();
  await expect.poll(async () => (await elsewhere.journal()).queued.high, { timeout: 20_000 }).toBe(0);
};

describe('where a server is stopped while it has a write, which its client repeats elsewhere, the newer write stays', () => {
  it('of an edge, a user and a tweet', async () => {
    const tweet = await roost.tweets.create({ userId: 1n, text: 'hello' }, { acknowledgment: 'materialized' });
    const far = await elsewhere.graph('follows');
    for (let round = 1; round <= 2; round++) {
      const edges = Array.from({ length: 6 }, (_, i) => round * 10 + i);
      await roost.tweets.delete(tweet);
      const fresh = await freshClient();
      const follows = await fresh.graph('follows');
      stop();
      try {
        const options = { deadlineMs, acknowledgment: 'journaled' } as const;
        await Promise.all([
          ...edges.map((id) => follows.write([[1, id]], options)),
          ...edges.map((id) => fresh.users.put({ id, name: 'older', screenName: 'older' }, options)),
          ...edges.map(() => fresh.tweets.undelete(tweet, options)),
        ]);
        await Promise.all([
          ...edges.map((id) => far.remove(1, id)),
          ...edges.map((id) => elsewhere.users.put({ id, name: 'newer', screenName: 'newer' })),
          elsewhere.tweets.delete(tweet),
        ]);
      } finally {
        goOn();
        await fresh.close();
      }
      await applied();
      expect(await Promise.all(edges.map((id) => far.state(1, id)))).toEqual(edges.map(() => 'removed'));
      expect((await elsewhere.users.getMany(edges)).map((user) => user?.name)).toEqual(edges.map(() => 'newer'));
      expect(await elsewhere.tweets.get(tweet)).toBeUndefined();
    }
  }, 60_000);

  it('of a client of FlockDB, whose call says nothing of its deadline', async () => {
    const far = await elsewhere.graph('follows');
    await far.add(5, 6, { acknowledgment: 'materialized' });
    const flockdb = await ThriftConnection.open(
      { host: '127.0.0.1', port: first().ready.flock.port },
      { Client: RoostFlockClient },
      Deadline.after(5_000),
    );
    const add = (destination: bigint): Promise<void> => {
      const term = { source_id: 5n, graph_id: follows.id, is_forward: true, destination_ids: packIds([destination]) };
      return flockdb.call(
        (client) =>
          client.execute({
            operations: [{ operation_type: ExecuteOperationType.Add, term }],
            priority: PriorityNumber.High,
          }),
        Deadline.after(10_000),
      );
    };
    // A starved machine stops a server too; its client sends refused writes again.
    const accepted = (destination: bigint): Promise<unknown> =>
      expect
        .poll(
          () =>
            add(destination).then(
              () => 'accepted',
              (error: unknown) => error,
            ),
          { timeout: 8_000 },
        )
        .toBe('accepted');
    try {
      await accepted(7n);
      stop();
      const late = add(6n);
      late.catch(() => undefined);
      try {
        await sleep(limits.undatedWriteWaitMs + 200);
        await far.remove(5, 6);
      } finally {
        goOn();
      }
      await expect(late).rejects.toMatchObject({
        cause: { name: 'FlockException', description: expect.stringMatching(/may have waited \d+ ms/) as string },
      });
      await accepted(8n);
      await applied();
      expect(await Promise.all([6, 7, 8].map((id) => far.state(5, id)))).toEqual(['removed', 'normal', 'normal']);
    } finally {
      await flockdb.close();
    }
  }, 20_000);
});

it('where the network holds a write, which its client repeats elsewhere, the newer write stays', async () => {
  const proxy = await SlowProxy.open(first().ready.flock.port);
  const far = await elsewhere.graph('follows');
  try {
    const slow = await freshClient([`127.0.0.1:${proxy.port}`, ...addresses('flock', servers.slice(1))]);
    const held = await slow.graph('follows');
    const edges = Array.from({ length: 6 }, (_, i) => i);
    proxy.hold('toServer');
    await Promise.all(edges.map((id) => held.write([[2, id]], { deadlineMs })));
    await Promise.all(edges.map((id) => far.remove(2, id)));
    expect(proxy.waiting('toServer')).toBeGreaterThan(0);
    proxy.release('toServer');
    await applied();
    await slow.close();
    expect(await Promise.all(edges.map((id) => far.state(2, id)))).toEqual(edges.map(() => 'removed'));
  } finally {
    await proxy.close();
  }
}, 30_000);

it('a write whose answer the network holds is made once, and its client learns of it', async () => {
  const proxy = await SlowProxy.open(first().ready.flock.port);
  const slow = await freshClient([`127.0.0.1:${proxy.port}`, ...addresses('flock', servers.slice(1))]);
  try {
    const held = await slow.graph('follows');
    proxy.hold('toClient');
    await Promise.all(
      Array.from({ length: 4 }, () => held.write([[3, 9]], { deadlineMs, acknowledgment: 'materialized' })),
    );
    proxy.release('toClient');
    expect(await held.state(3, 9)).toBe('normal');
  } finally {
    await slow.close();
    await proxy.close();
  }
}, 30_000);
