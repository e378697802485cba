import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemMicros } from '../core/index.js';
import { untilApplied } from '../test/flock/untilApplied.js';
import { freshCluster } from '../test/support/index.js';
import { openFlock, type Flock, type GraphInfo, type WriteBatch } from './index.js';

const cluster = freshCluster('times');
const { redis } = cluster.config;
const hour = 3_600_000_000n;
let flock: Flock;
/** Another server, whose way to Redis can be held up. */
let other: Flock;
let graph: GraphInfo;
let way: Server;
const held: (() => void)[] = [];
let isHeld = false;

/** What is sent while the way is held arrives when it is let go. */
async function openWay(): Promise<number> {
  way = createServer((near) => {
    const far: Socket = connect(redis.port, redis.host);
    near.on('data', (data) => (isHeld ? held.push(() => far.write(data)) : far.write(data)));
    far.pipe(near);
    for (const [one, two] of [
      [near, far],
      [far, near],
    ] as const)
      one.on('error', () => two.destroy()).on('close', () => two.destroy());
  });
  way.listen(0, '127.0.0.1');
  await once(way, 'listening');
  return (way.address() as AddressInfo).port;
}

beforeAll(async () => {
  flock = await openFlock(cluster.config, { create: true, work: true });
  graph = await flock.createGraph('follows', { shards: 1, replicas: 1 });
  other = await openFlock({ ...cluster.config, redis: { ...redis, port: await openWay() } });
});
afterAll(async () => {
  await other.close();
  await flock.close();
  way.close();
});

const pair = (destination: bigint) => ({
  sourceIds: BigInt64Array.of(1n),
  destinationIds: BigInt64Array.of(destination),
});
const edges = (operations: 'add' | 'remove', destination: bigint): WriteBatch[number] => ({
  edges: { graphId: graph.id, operations, ...pair(destination) },
});
const mass = (operation: 'add' | 'remove' | 'archive'): WriteBatch[number] => ({
  node: { graphId: graph.id, id: 1n, direction: 'forward', operation },
});
const write = async (server: Flock, ...batch: WriteBatch): Promise<void> => {
  await server.execute(batch);
  await untilApplied(flock);
};
const state = async (destination: bigint): Promise<unknown> =>
  (await flock.states(graph.id, pair(destination).sourceIds, pair(destination).destinationIds))[0];
const updatedAt = async (destination: bigint): Promise<bigint> =>
  (await flock.edges(graph.id, pair(destination).sourceIds, pair(destination).destinationIds))[0]!.updatedAt;

it('are those of the journal, and rise from write to write through whatever server', async () => {
  const before = systemMicros();
  await write(flock, edges('add', 2n), edges('add', 3n));
  expect(await updatedAt(2n)).toBeGreaterThanOrEqual(before);
  await write(other, edges('remove', 2n), edges('add', 4n));
  expect(await state(2n)).toBe('removed');
  const { ids } = await flock.select(
    { kind: 'term', term: { graphId: graph.id, sourceId: 1n, direction: 'forward', states: ['normal'] } },
    { count: 10, cursor: -1n },
  );
  expect(ids).toEqual(BigInt64Array.of(4n, 3n));
});

it('keep rising after the clock of Redis was ahead once', async () => {
  const client = new Redis(redis.port, redis.host);
  try {
    const ahead = systemMicros() + hour;
    await client.set(`{${cluster.config.cluster}}:jobs:clock`, String(ahead));
    await write(flock, edges('add', 20n));
    expect(await updatedAt(20n)).toBe(ahead + 1n);
    await write(other, edges('remove', 20n), edges('add', 21n));
    expect([await state(20n), await updatedAt(21n)]).toEqual(['removed', ahead + 3n]);
  } finally {
    client.disconnect();
  }
});

it('rise within a batch, in its order', async () => {
  await write(flock, mass('archive'));
  await write(other, mass('add'), edges('add', 5n));
  expect([await state(4n), await state(5n)]).toEqual(['normal', 'normal']);
  await write(other, edges('add', 6n), mass('remove'), edges('add', 7n));
  expect(await Promise.all([5n, 6n, 7n].map(state))).toEqual(['removed', 'removed', 'normal']);
});

it('given by callers are kept, and delay no others', async () => {
  const ahead = systemMicros() + 10n * hour;
  await write(flock, { edges: { graphId: graph.id, operations: 'add', ...pair(9n), times: BigInt64Array.of(ahead) } });
  await write(flock, edges('remove', 9n), edges('add', 10n));
  expect([await state(9n), await updatedAt(9n)]).toEqual(['normal', ahead]);
  expect(await updatedAt(10n)).toBeLessThan(ahead);
});

it("are given to no write that arrives after its caller's deadline", async () => {
  await write(other, edges('add', 30n));
  isHeld = true;
  await expect(other.execute([edges('add', 31n)], { deadlineMs: 300 })).rejects.toMatchObject({
    code: 'DeadlineExceeded',
  });
  await write(flock, edges('add', 31n));
  await write(flock, edges('remove', 31n));
  isHeld = false;
  for (const send of held.splice(0)) send();
  // Behind it on the same way.
  await write(other, edges('add', 32n));
  expect(await Promise.all([30n, 31n, 32n].map(state))).toEqual(['normal', 'removed', 'normal']);
});
