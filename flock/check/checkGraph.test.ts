import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShardDatabase } from '../../mysql/index.js';
import { Deadline } from '../../core/index.js';
import type { SqlRow } from '../../mysql/index.js';
import { untilApplied } from '../../test/flock/untilApplied.js';
import { freshCluster } from '../../test/support/index.js';
import { tableIdOf } from '../graphs.js';
import { openFlock, type Direction, type Flock, type GraphInfo } from '../index.js';
import type { GraphCheckProgress } from './checkGraph.js';
import { FlockTables } from '../storage/flockTables.js';

const cluster = freshCluster('check');
let flock: Flock;
let graph: GraphInfo;
const settleMs = 600;

beforeAll(async () => {
  flock = await openFlock(cluster.config, { create: true, work: true });
  graph = await flock.createGraph('follows', { shards: 2, replicas: 2 });
  const count = 3_000;
  await flock.write(
    {
      graphId: graph.id,
      operations: Array.from({ length: count }, (_, i) => (i % 10 === 0 ? 'archive' : 'add')),
      sourceIds: BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 50)),
      destinationIds: BigInt64Array.from({ length: count }, (_, i) => BigInt(i)),
    },
    { acknowledgment: 'materialized' },
  );
  await flock.execute([{ node: { graphId: graph.id, id: 7n, direction: 'forward', operation: 'archive' } }], {
    acknowledgment: 'materialized',
  });
  await settled();
}, 60_000);
afterAll(() => flock.close());

const settled = (): Promise<void> => untilApplied(flock);

/** Changes a table of one replica behind the store's back. */
async function plant(
  direction: Direction,
  id: bigint,
  replica: number,
  statement: (tables: { edges: string; nodes: string }) => string,
): Promise<void> {
  const leaf = flock.gizzard.topology.route(tableIdOf(graph.id, direction), id).writable[replica]!;
  const { affectedRows } = await flock.gizzard.mysql
    .host(leaf.shard.id.hostname)
    .run(
      statement(new FlockTables(new ShardDatabase(cluster.config.cluster)).at(leaf.shard)),
      [],
      Deadline.after(5_000),
    );
  expect(affectedRows).toBeGreaterThan(0);
}

const check = (repair: boolean) => flock.check(graph.id, { repair, settleMs });

describe('a check', () => {
  it('finds nothing in a sound graph, also while writes go on', async () => {
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i++) {
        const operations = i % 2 === 0 ? 'archive' : 'add';
        await flock.write(
          {
            graphId: graph.id,
            operations,
            sourceIds: BigInt64Array.of(1n, 2n),
            destinationIds: BigInt64Array.of(BigInt(i % 9), 51n),
          },
          { acknowledgment: 'materialized' },
        );
      }
    })();
    const report = await check(false);
    writing = false;
    await writer;
    const progress: GraphCheckProgress[] = [];
    await flock.check(graph.id, { settleMs, onProgress: (now) => progress.push(now) });
    const { rows, nodes, total } = progress.at(-1)!;
    expect(rows + nodes).toBe(total);
    expect(report.found).toEqual([]);
    expect(report.rows).toBeGreaterThanOrEqual(6_000);
  });

  const planted: [string, () => Promise<void>, kind: string][] = [
    [
      'a counter that is off by one',
      () =>
        plant(
          'forward',
          3n,
          0,
          ({ nodes }) => `UPDATE ${nodes} SET normal_count = normal_count + 1 WHERE source_id = 3`,
        ),
      'counters',
    ],
    [
      'a row that one replica has lost',
      () => plant('forward', 4n, 1, ({ edges }) => `DELETE FROM ${edges} WHERE source_id = 4 AND destination_id = 54`),
      'edge',
    ],
    [
      'a backward row that is gone on every replica',
      async () => {
        for (const replica of [0, 1])
          await plant('backward', 105n, replica, ({ edges }) => `DELETE FROM ${edges} WHERE source_id = 105`);
      },
      'edge',
    ],
    [
      'a position that differs',
      () =>
        plant(
          'backward',
          106n,
          0,
          ({ edges }) =>
            `UPDATE ${edges} SET position = position + 1, positioned_at = positioned_at + 1 WHERE source_id = 106`,
        ),
      'edge',
    ],
    [
      'a visible state that nothing explains, everywhere',
      async () => {
        for (const replica of [0, 1]) {
          await plant(
            'forward',
            8n,
            replica,
            ({ edges }) => `UPDATE ${edges} SET state = 2 WHERE source_id = 8 AND destination_id = 108`,
          );
          await plant(
            'backward',
            108n,
            replica,
            ({ edges }) => `UPDATE ${edges} SET state = 2 WHERE source_id = 108 AND destination_id = 8`,
          );
        }
      },
      'edge',
    ],
    [
      'a row that missed a mass operation on its other end',
      () =>
        plant(
          'backward',
          57n,
          1,
          ({ edges }) =>
            `UPDATE ${edges} SET peer_colour = NULL, peer_coloured_at = NULL, peer_removed_through = NULL WHERE source_id = 57`,
        ),
      'edge',
    ],
    [
      'a replica that missed a mass operation',
      () =>
        plant('forward', 7n, 1, ({ nodes }) => `UPDATE ${nodes} SET colour = 0, coloured_at = 0 WHERE source_id = 7`),
      'node',
    ],
    [
      'a node whose counters are gone',
      () => plant('forward', 9n, 1, ({ nodes }) => `DELETE FROM ${nodes} WHERE source_id = 9`),
      'counters',
    ],
  ];

  it.each(planted)(
    'finds and repairs %s',
    async (_, damage, kind) => {
      await damage();
      const found = await check(true);
      expect(found.found.map((fault) => fault.kind)).toContain(kind);
      expect(found.found.every((fault) => fault.repaired)).toBe(true);
      await settled();
      // A repaired row may leave counters that the next round puts right.
      await check(true);
      await settled();
      expect((await check(false)).found).toEqual([]);
    },
    60_000,
  );

  it('repairs a row so that all replicas hold the same bytes', async () => {
    const copies = (): Promise<SqlRow[][]> =>
      Promise.all(
        flock.gizzard.topology
          .route(tableIdOf(graph.id, 'forward'), 10n)
          .writable.map(({ shard }) =>
            flock.gizzard.mysql
              .host(shard.id.hostname)
              .rows(
                `SELECT * FROM ${new FlockTables(new ShardDatabase(cluster.config.cluster)).at(shard).edges} WHERE source_id = 10`,
                [],
                Deadline.after(5_000),
              ),
          ),
      );
    const before = await copies();
    await plant('forward', 10n, 1, ({ edges }) => `DELETE FROM ${edges} WHERE source_id = 10 AND destination_id = 60`);
    await check(true);
    await settled();
    expect(await copies()).toEqual(before);
  }, 60_000);
});
