import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshCluster } from '../test/support/index.js';
import { MassOperations } from '../test/flock/massOperations.js';
import { untilApplied } from '../test/flock/untilApplied.js';
import { openFlock, type Flock, type GraphInfo, type Operation } from './index.js';

const cluster = freshCluster('mass');
let flock: Flock;
let rival: Flock;
let graph: GraphInfo;
const programs = 100;

beforeAll(async () => {
  flock = await openFlock(cluster.config, { create: true, work: true });
  graph = await flock.createGraph('follows', { shards: 3, replicas: 2 });
  rival = await openFlock(cluster.config, { work: true });
});
afterAll(() => Promise.all([flock.close(), rival.close()]));

const ids = (...values: number[]): BigInt64Array => BigInt64Array.from(values, BigInt);

const settled = (): Promise<void> => untilApplied(flock);

describe('a mass operation', () => {
  const user = 1_000_001;
  const mass = async (
    operation: Operation,
    time: bigint,
    direction: 'forward' | 'backward' = 'forward',
  ): Promise<void> => {
    await flock.execute([{ node: { graphId: graph.id, id: BigInt(user), direction, operation, time } }], {
      acknowledgment: 'materialized',
    });
    await settled();
  };
  const list = async (states: readonly ('normal' | 'negative' | 'archived' | 'removed')[]): Promise<bigint[]> => [
    ...(
      await flock.select(
        { kind: 'term', term: { graphId: graph.id, sourceId: BigInt(user), direction: 'forward', states } },
        { count: 5_000, cursor: -1n },
      )
    ).ids,
  ];

  it('archives and restores all edges of a user in their order, through more than one page of them', async () => {
    const count = 2_500;
    const destinationIds = BigInt64Array.from({ length: count }, (_, i) => BigInt(i));
    const positions = BigInt64Array.from({ length: count }, (_, i) => BigInt((i * 7919) % count));
    await flock.write(
      {
        graphId: graph.id,
        operations: 'add',
        sourceIds: new BigInt64Array(count).fill(BigInt(user)),
        destinationIds,
        positions,
        times: new BigInt64Array(count).fill(10n),
      },
      { acknowledgment: 'materialized' },
    );
    const before = await list(['normal']);
    await mass('archive', 20n);
    expect(await list(['normal'])).toEqual([]);
    expect(await flock.counts(graph.id, 'forward', ids(user))).toEqual([
      { normal: 0n, negative: 0n, archived: 2_500n, removed: 0n },
    ]);
    expect(await flock.counts(graph.id, 'backward', ids(0, 2_499))).toMatchObject([{ archived: 1n }, { archived: 1n }]);

    await flock.write(
      {
        graphId: graph.id,
        operations: 'add',
        sourceIds: ids(user),
        destinationIds: ids(5_000),
        times: ids(25),
        positions: ids(1_000_000),
      },
      { acknowledgment: 'materialized' },
    );
    expect(await flock.states(graph.id, ids(user), ids(5_000))).toEqual(['archived']);

    await mass('add', 30n);
    expect(await list(['normal'])).toEqual([5_000n, ...before]);
    expect((await flock.nodes(graph.id, 'forward', ids(user)))[0]).toMatchObject({
      color: 'normal',
      coloredAt: 30n,
      removedThrough: -1n,
    });
  });

  it('removes all edges of the moment for good, and no later ones', async () => {
    await mass('remove', 40n);
    expect(await list(['normal', 'archived', 'negative'])).toEqual([]);
    await flock.write(
      {
        graphId: graph.id,
        operations: 'add',
        sourceIds: ids(user, user),
        destinationIds: ids(1, 2),
        times: ids(39, 41),
      },
      { acknowledgment: 'materialized' },
    );
    await mass('add', 50n);
    expect(await list(['normal'])).toEqual([2n]);
    expect(await flock.states(graph.id, ids(user), ids(1))).toEqual(['removed']);
  });

  it('changes edges from their destination, too', async () => {
    await flock.execute(
      [{ node: { graphId: graph.id, id: 2n, direction: 'backward', operation: 'archive', time: 60n } }],
      { acknowledgment: 'materialized' },
    );
    await settled();
    expect(await flock.states(graph.id, ids(user), ids(2))).toEqual(['archived']);
  });

  it('is refused with NotFound when the graph does not exist', async () => {
    await expect(
      flock.execute([{ node: { graphId: 99, id: 1n, direction: 'forward', operation: 'archive' } }]),
    ).rejects.toMatchObject({ code: 'NotFound' });
    await expect(flock.execute([])).rejects.toMatchObject({ code: 'InvalidArgument' });
  });
});

it(`converges with single operations in any order: ${programs} random programs`, async () => {
  const operations = new MassOperations(flock, graph, rival, 1);
  await fc.assert(operations.property(), { numRuns: programs });
  expect(operations.failures).toBeGreaterThan(programs);
}, 240_000);
