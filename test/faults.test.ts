import { afterEach, beforeEach, expect, it } from 'vitest';
import { generatedColumns } from '../bench/edgeColumns.js';
import { openFlock } from '../flock/index.js';
import type { Graph, Roost } from '../sdk/index.js';
import { KillableCluster, loadWithFault, untilApplied } from './support/killableCluster.js';

// A load survives the loss of a database host, of the server, and of the journal's Redis, each killed without warning
// in the middle of the load.

const edgeCount = 30_000;
const batchEdges = 500;
const columns = generatedColumns(edgeCount, 11);

let cluster: KillableCluster;
let roost: Roost;
let graph: Graph;

beforeEach(async () => {
  cluster = await KillableCluster.start({
    databaseHosts: 2,
    servers: 1,
    setUp: async (config) => {
      const flock = await openFlock(config, { create: true });
      await flock.createGraph('follows', { shards: 4, replicas: 2 });
      await flock.close();
    },
  });
  roost = await cluster.connect();
  graph = await roost.graph('follows');
}, 60_000);

afterEach(async () => {
  await roost.close();
  await cluster.stop();
}, 60_000);

/** Loads all edges. `at` runs when a third of the edges are acknowledged. */
function load(at: () => Promise<void>): Promise<void> {
  const parts = Array.from({ length: edgeCount / batchEdges }, (_, i) => {
    const [start, end] = [i * batchEdges, (i + 1) * batchEdges];
    return () =>
      graph.writeColumns({
        sourceIds: columns.sourceIds.subarray(start, end),
        destinationIds: columns.destinationIds.subarray(start, end),
      });
  });
  return loadWithFault(parts, at);
}

/** Checks every node's counters against its edges, both ways: nothing is lost, and nothing is counted twice. */
async function expectEveryDegree(): Promise<void> {
  for (const [direction, column] of [
    ['forward', columns.sourceIds],
    ['backward', columns.destinationIds],
  ] as const) {
    const degrees = new Map<bigint, bigint>();
    for (const id of column) degrees.set(id, (degrees.get(id) ?? 0n) + 1n);
    const counted = await Promise.all(
      Array.from(degrees, async ([id]) => [id, await graph.count(id, { direction })] as const),
    );
    expect(new Map(counted)).toEqual(degrees);
  }
}

/** Checks all counters and replicas. There are four shards each way, with two tables each. */
async function expectAll(): Promise<void> {
  await untilApplied(roost);
  await expectEveryDegree();
  await cluster.expectIdenticalReplicas({ order: '1, 2, 3, 4', tables: [16, 16] });
}

it('keeps reading without a killed database host, and brings it up to date when it is back', async () => {
  let reading = true;
  let reads = 0;
  const readers = (async () => {
    for (let i = 0; reading; i = (i + 1) % 1_000) {
      await Promise.all([
        graph.contains(columns.sourceIds[i]!, columns.destinationIds[i]!),
        graph.count(columns.sourceIds[i]!),
        graph.from(columns.sourceIds[i]!).page({ count: 10 }),
      ]);
      reads++;
    }
  })();
  await load(() => cluster.playground.kill('db2'));
  const readsBefore = reads;
  await expect.poll(() => reads, { timeout: 10_000 }).toBeGreaterThan(readsBefore + 20);
  reading = false;
  await readers;
  expect((await roost.journal()).failing).toBeGreaterThan(0);
  await cluster.playground.restart('db2');
  await expectAll();
}, 150_000);

it('loses nothing and counts nothing twice when the server is killed and started again', async () => {
  await load(() => cluster.restartServer());
  await expectAll();
}, 150_000);

it('loses nothing that was acknowledged when the Redis of the journal is killed and started again', async () => {
  await load(() => cluster.restartRedis());
  await expectAll();
}, 150_000);
