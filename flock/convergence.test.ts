import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ShardDatabase } from '../mysql/index.js';
import { Deadline } from '../core/index.js';
import type { SqlRow } from '../mysql/index.js';
import { freshCluster } from '../test/support/index.js';
import { tableIdOf } from './graphs.js';
import { encodeEdges } from './jobs/edgePayload.js';
import { jobKinds } from './jobs/kinds.js';
import { openFlock, operationRank, type Flock, type GraphInfo, type Operation } from './index.js';
import { FlockTables } from './storage/flockTables.js';

const cluster = freshCluster('convergence');
let flock: Flock;
/** A second process's worth of workers on the same journal, so that transactions really meet on the same rows. */
let rival: Flock;
let graphs: [GraphInfo, GraphInfo];
const cases = 120;
/** Each case has nodes of its own, so that the tables need no emptying. */
const nodesPerCase = 8;
let nextCase = 0n;

interface Write {
  operation: Operation;
  source: number;
  destination: number;
  time: number;
  position: number;
}

beforeAll(async () => {
  flock = await openFlock(cluster.config, { create: true, work: true });
  rival = await openFlock(cluster.config, { work: true });
  graphs = [
    await flock.createGraph('one', { shards: 2, replicas: 2 }),
    await flock.createGraph('other', { shards: 2, replicas: 2 }),
  ];
  await rival.gizzard.nameServer.reload();
});
afterAll(() => Promise.all([flock.close(), rival.close()]));

const arbitraryWrite: fc.Arbitrary<Write> = fc.record({
  operation: fc.constantFrom('add', 'negate', 'archive', 'remove'),
  source: fc.integer({ min: 0, max: 1 }),
  destination: fc.integer({ min: 2, max: 4 }),
  // Few values, so that ties in time are common.
  time: fc.integer({ min: 0, max: 4 }),
  position: fc.integer({ min: -1, max: 2 }),
});

function deliver(graph: GraphInfo, base: bigint, writes: readonly Write[]): Promise<void> {
  const column = (value: (write: Write) => bigint): BigInt64Array => BigInt64Array.from(writes, value);
  const payload = encodeEdges({
    graphId: graph.id,
    operations: writes.map((write) => write.operation),
    sourceIds: column((write) => base + BigInt(write.source)),
    destinationIds: column((write) => base + BigInt(write.destination)),
    positions: column((write) => BigInt(write.position)),
    times: column((write) => BigInt(write.time)),
  });
  return flock.gizzard.jobs.append([{ kind: jobKinds.edges, payload }], {
    priority: 'high',
    waitUntilApplied: true,
    deadline: Deadline.after(20_000),
  });
}

/** What every replica of a graph holds of one case's nodes: rows and counters, per direction. */
async function tables(
  graph: GraphInfo,
  base: bigint,
): Promise<Record<'forward' | 'backward', { edges: SqlRow[]; nodes: SqlRow[] }[]>> {
  const read = async (direction: 'forward' | 'backward'): Promise<{ edges: SqlRow[]; nodes: SqlRow[] }[]> => {
    const byHost = new Map<string, { edges: SqlRow[]; nodes: SqlRow[] }>();
    for (const route of flock.gizzard.topology.routes(tableIdOf(graph.id, direction))) {
      for (const leaf of route.leaves) {
        const host = flock.gizzard.mysql.host(leaf.shard.id.hostname);
        const { edges, nodes } = new FlockTables(new ShardDatabase(cluster.config.cluster)).at(leaf.shard);
        const rows = (table: string, columns: string): Promise<SqlRow[]> =>
          host.rows(
            `SELECT ${columns} FROM ${table} WHERE source_id BETWEEN ? AND ? ORDER BY ${columns}`,
            [base, base + BigInt(nodesPerCase - 1)],
            Deadline.after(5_000),
          );
        const found = byHost.get(host.name) ?? { edges: [], nodes: [] };
        found.edges.push(
          ...(await rows(edges, 'source_id, destination_id, state, position, updated_at, positioned_at')),
        );
        found.nodes.push(
          ...(await rows(nodes, 'source_id, normal_count, negative_count, archived_count, removed_count')),
        );
        byHost.set(host.name, found);
      }
    }
    return [...byHost.values()].map(({ edges, nodes }) => ({ edges: edges.sort(byText), nodes: nodes.sort(byText) }));
  };
  return { forward: await read('forward'), backward: await read('backward') };
}

const byText = (a: SqlRow, b: SqlRow): number => (String(a) < String(b) ? -1 : 1);

/** The rules once more, straight from their words: the latest write of each register wins, ties go to the greater value. */
function model(writes: readonly Write[], base: bigint, backward: boolean): { edges: unknown[][]; nodes: unknown[][] } {
  const winner = (candidates: [time: number, value: number][]): [number, number] =>
    candidates.sort((a, b) => b[0] - a[0] || b[1] - a[1])[0] ?? [-1, 0];
  const pairs = new Map(writes.map((write) => [`${write.source}-${write.destination}`, write]));
  const edges = [...pairs.values()].map(({ source, destination }) => {
    const ofPair = writes.filter((write) => write.source === source && write.destination === destination);
    const [updatedAt, state] = winner(ofPair.map((write) => [write.time, operationRank[write.operation]]));
    const places = (write: Write): boolean => write.operation === 'add' || write.operation === 'negate';
    const [positionedAt, position] = winner(ofPair.map((write) => [places(write) ? write.time : -1, write.position]));
    const ends = [Number(base) + source, Number(base) + destination];
    return [...(backward ? ends.reverse() : ends), state, position, updatedAt, positionedAt];
  });
  const nodes = new Map<number, number[]>();
  for (const [source, , state] of edges) {
    const counts = nodes.get(source!) ?? [0, 0, 0, 0];
    counts[state!]!++;
    nodes.set(source!, counts);
  }
  return { edges: edges.sort(byText), nodes: [...nodes].map(([source, counts]) => [source, ...counts]).sort(byText) };
}

it('ends in the same tables whatever the order, the duplicates and the batches in which writes arrive', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(arbitraryWrite, { minLength: 1, maxLength: 12 }),
      fc.infiniteStream(fc.nat()),
      async (writes, randoms) => {
        const base = nextCase++ * BigInt(nodesPerCase);
        const random = (below: number): number => (randoms.next().value as number) % below;
        await deliver(graphs[0], base, writes);

        const again = [...writes, ...writes.filter(() => random(2) === 0)];
        for (let i = again.length - 1; i > 0; i--) {
          const j = random(i + 1);
          [again[i], again[j]] = [again[j]!, again[i]!];
        }
        const deliveries: Promise<void>[] = [];
        while (again.length > 0) {
          deliveries.push(deliver(graphs[1], base, again.splice(0, 1 + random(4))));
          if (random(2) === 0) await Promise.all(deliveries);
        }
        await Promise.all(deliveries);

        const [first, second] = [await tables(graphs[0], base), await tables(graphs[1], base)];
        expect(second).toEqual(first);
        for (const direction of ['forward', 'backward'] as const) {
          const expected = model(writes, base, direction === 'backward');
          for (const replica of first[direction]) expect(replica).toEqual(expected);
        }
      },
    ),
    { numRuns: cases },
  );
}, 120_000);
