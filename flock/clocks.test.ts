import { afterAll, beforeAll, expect, it } from 'vitest';
import { HybridClock, systemMicros } from '../core/index.js';
import { untilApplied } from '../test/flock/untilApplied.js';
import { freshCluster } from '../test/support/index.js';
import { Flock, openFlock, type Graph, type WriteBatch } from './index.js';

const cluster = freshCluster('clocks');
const hour = 3_600_000_000n;
let flock: Flock;
/** Two servers, one of whose clocks is an hour behind the other's. */
let right: Flock;
let slow: Flock;
let graph: Graph;

beforeAll(async () => {
  flock = await openFlock(cluster.config, { create: true, work: true });
  graph = await flock.createGraph('follows', { shards: 1, replicas: 1 });
  right = new Flock(flock.gizzard);
  slow = new Flock(flock.gizzard, { clock: new HybridClock(() => systemMicros() - hour) });
});
afterAll(() => flock.close());

const pair = (destination: bigint) => ({ sourceIds: BigInt64Array.of(1n), destinationIds: BigInt64Array.of(destination) });
const edges = (operations: 'add' | 'remove', destination: bigint): WriteBatch[number] => ({ edges: { graphId: graph.id, operations, ...pair(destination) } });
const mass = (operation: 'add' | 'remove' | 'archive'): WriteBatch[number] => ({ node: { graphId: graph.id, id: 1n, direction: 'forward', operation } });
const write = async (server: Flock, ...batch: WriteBatch): Promise<void> => {
  await server.execute(batch);
  await untilApplied(flock);
};
const state = async (destination: bigint): Promise<unknown> => (await slow.states(graph.id, pair(destination).sourceIds, pair(destination).destinationIds))[0];

it('a later write wins through a server whose clock is behind, and its position is later too', async () => {
  await write(right, edges('add', 2n), edges('add', 3n));
  expect(await state(2n)).toBe('normal');
  await write(slow, edges('remove', 2n), edges('add', 4n));
  expect(await state(2n)).toBe('removed');
  const { ids } = await right.select({ kind: 'term', term: { graphId: graph.id, sourceId: 1n, direction: 'forward', states: ['normal'] } }, { count: 10, cursor: -1n });
  expect(ids).toEqual(BigInt64Array.of(4n, 3n));
});

it('so do the parts of a batch, in their order', async () => {
  await write(right, mass('archive'));
  await write(slow, mass('add'), edges('add', 5n));
  expect([await state(4n), await state(5n)]).toEqual(['normal', 'normal']);
  await write(right, edges('add', 6n));
  await write(slow, edges('add', 7n), mass('remove'), edges('add', 8n));
  expect(await Promise.all([5n, 6n, 7n, 8n].map(state))).toEqual(['removed', 'removed', 'removed', 'normal']);
});

it('times that callers bring stay as they are, and move no clock', async () => {
  const ahead = systemMicros() + hour;
  await right.write({ graphId: graph.id, operations: 'add', ...pair(9n), times: BigInt64Array.of(ahead) }, { acknowledgement: 'materialized' });
  await write(right, edges('remove', 9n));
  expect(await state(9n)).toBe('normal');
  const [edge] = await right.edges(graph.id, pair(9n).sourceIds, pair(9n).destinationIds);
  expect(edge?.updatedAt).toBe(ahead);
});
