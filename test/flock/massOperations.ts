import fc from 'fast-check';
import { expect } from 'vitest';
import { Deadline, RoostError } from '../../core/index.js';
import type { SqlRow } from '../../mysql/index.js';
import { tableIdOf } from '../../flock/graphs.js';
import type { Direction, Flock, GraphInfo, WriteBatch } from '../../flock/index.js';
import { FlockTables } from '../../flock/storage/flockTables.js';
import { seededRandom } from '../moving/seededRandom.js';
import { modelEdges, type ModelOperation, type ModelWrite } from './edgeModel.js';
import { FailingHosts } from './failingHosts.js';
import { untilApplied } from './untilApplied.js';

/** Each program has nodes of its own, so that the tables need no emptying. */
const nodesPerProgram = 10n;
let nextBase = 10_000_000n;

const operation = fc.constantFrom<ModelOperation>('add', 'negate', 'archive', 'remove');
// Few values, so that ties in time are common.
const time = fc.integer({ min: 0, max: 5 });
const write: fc.Arbitrary<ModelWrite> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('edge' as const),
      operation,
      source: fc.integer({ min: 0, max: 1 }),
      destination: fc.integer({ min: 2, max: 4 }),
      time,
      position: fc.integer({ min: -1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        kind: fc.constant('node' as const),
        operation,
        direction: fc.constantFrom<Direction>('forward', 'backward'),
        time,
        which: fc.nat({ max: 2 }),
      })
      .map(({ which, ...rest }) => ({ ...rest, id: rest.direction === 'forward' ? which % 2 : 2 + which })),
  },
);

/**
 * Runs random programs of single and mass operations over a few nodes. Writes arrive in a random order, with
 * duplicates, in random batches of which several are in flight at once, while transactions fail on one leaf or
 * another before they start or after their commit. The result must match the model: on every replica, from both ends,
 * in rows and in counters.
 */
export class MassOperations {
  readonly #hosts: readonly FailingHosts[];

  /** Both processes apply the jobs that `flock` journals. `seed` decides when transactions fail. */
  constructor(
    private readonly flock: Flock,
    private readonly graph: GraphInfo,
    rival: Flock,
    seed: number,
  ) {
    const random = seededRandom(seed);
    this.#hosts = [flock, rival].map((each) => new FailingHosts(each, random));
  }

  /** The number of transactions that were made to fail. */
  get failures(): number {
    return this.#hosts.reduce((sum, { failures }) => sum + failures, 0);
  }

  property(): fc.IAsyncProperty<[ModelWrite[], fc.Stream<number>]> {
    return fc.asyncProperty(
      fc.array(write, { minLength: 1, maxLength: 14 }),
      fc.infiniteStream(fc.nat()),
      async (writes, randoms) => {
        const base = (nextBase += nodesPerProgram);
        const random = (below: number): number => (randoms.next().value as number) % below;
        const deliveries = [...writes, ...writes.filter(() => random(3) === 0)];
        for (let i = deliveries.length - 1; i > 0; i--) {
          const j = random(i + 1);
          [deliveries[i], deliveries[j]] = [deliveries[j]!, deliveries[i]!];
        }
        for (const hosts of this.#hosts) hosts.oneIn = [0, 3, 6, 12][random(4)]!;
        while (deliveries.length > 0)
          await this.#deliver(batchOf(this.graph, base, deliveries.splice(0, 1 + random(4))), random(2) === 0);
        await this.#settled();

        const model = modelEdges(writes);
        for (const direction of ['forward', 'backward'] as const) {
          const expected = expectedTables(model, writes, direction, base);
          for (const replica of await replicas(this.flock, this.graph, direction, base))
            expect(replica).toEqual(expected);
        }
      },
    );
  }

  async #deliver(batch: WriteBatch, materialized: boolean): Promise<void> {
    try {
      await this.flock.execute(batch, materialized ? { acknowledgment: 'materialized', deadlineMs: 20_000 } : {});
    } catch (error) {
      // The write was journaled: only the first attempt to apply it failed, as intended.
      if (!(error instanceof RoostError && error.code === 'Unavailable')) throw error;
    }
  }

  /** Waits until every job has been applied; failed jobs are tried again at once. */
  async #settled(): Promise<void> {
    const { jobs } = this.flock.gizzard;
    await untilApplied(this.flock, async () => {
      for (const priority of ['high', 'medium', 'low'] as const) await jobs.queues.retry(priority, 'failing');
    });
  }
}

function batchOf(graph: GraphInfo, base: bigint, writes: readonly ModelWrite[]): WriteBatch {
  const edges = writes.filter((each) => each.kind === 'edge');
  const column = (value: (edge: (typeof edges)[number]) => bigint): BigInt64Array => BigInt64Array.from(edges, value);
  const nodes = writes
    .filter((each) => each.kind === 'node')
    .map((node) => ({
      node: {
        graphId: graph.id,
        id: base + BigInt(node.id),
        direction: node.direction,
        operation: node.operation,
        time: BigInt(node.time),
      },
    }));
  if (edges.length === 0) return nodes;
  return [
    {
      edges: {
        graphId: graph.id,
        operations: edges.map((edge) => edge.operation),
        sourceIds: column((edge) => base + BigInt(edge.source)),
        destinationIds: column((edge) => base + BigInt(edge.destination)),
        positions: column((edge) => BigInt(edge.position)),
        times: column((edge) => BigInt(edge.time)),
      },
    },
    ...nodes,
  ];
}

interface Tables {
  edges: string[];
  nodes: string[];
}

function expectedTables(
  model: ReturnType<typeof modelEdges>,
  writes: readonly ModelWrite[],
  direction: Direction,
  base: bigint,
): Tables {
  const counts = new Map<number, number[]>();
  const countsOf = (id: number): number[] => {
    const found = counts.get(id) ?? [0, 0, 0, 0];
    counts.set(id, found);
    return found;
  };
  for (const each of writes) if (each.kind === 'node' && each.direction === direction) countsOf(each.id);
  const edges = model.map(({ source, destination, state, updatedAt, position }) => {
    const [near, far] = direction === 'forward' ? [source, destination] : [destination, source];
    countsOf(near)[state]!++;
    return [base + BigInt(near), base + BigInt(far), state, updatedAt, position].join();
  });
  return {
    edges: edges.sort(),
    nodes: [...counts].map(([id, byState]) => [base + BigInt(id), ...byState].join()).sort(),
  };
}

/**
 * Returns the rows of the program's nodes on each replica. The first `rows` of all columns are compared between
 * replicas, too.
 */
async function replicas(flock: Flock, graph: GraphInfo, direction: Direction, base: bigint): Promise<Tables[]> {
  const byHost = new Map<string, Tables & { whole: string[] }>();
  for (const route of flock.gizzard.topology.routes(tableIdOf(graph.id, direction))) {
    for (const { shard } of route.leaves) {
      const host = flock.gizzard.mysql.host(shard.id.hostname);
      const { edges, nodes } = new FlockTables(flock.gizzard.database).at(shard);
      const read = async (table: string, columns: string): Promise<string[]> => {
        const rows = await host.rows(
          `SELECT ${columns} FROM ${table} WHERE source_id >= ? AND source_id < ?`,
          [base, base + nodesPerProgram],
          Deadline.after(5_000),
        );
        return rows.map((row: SqlRow) => row.join());
      };
      const found = byHost.get(host.name) ?? { edges: [], nodes: [], whole: [] };
      found.edges.push(...(await read(edges, 'source_id, destination_id, state, updated_at, position')));
      found.nodes.push(
        ...(await read(nodes, 'source_id, normal_count, negative_count, archived_count, removed_count')),
      );
      found.whole.push(...(await read(edges, '*')), ...(await read(nodes, '*')));
      byHost.set(host.name, found);
    }
  }
  const [first, ...others] = [...byHost.values()];
  for (const other of others) expect(other.whole.sort()).toEqual(first!.whole.sort());
  return [...byHost.values()].map(({ edges, nodes }) => ({ edges: edges.sort(), nodes: nodes.sort() }));
}
