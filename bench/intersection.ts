import { Redis } from 'ioredis';
import type { RowDataPacket } from 'mysql2/promise';
import type { Graph } from '../sdk/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { Postgres } from './raw/postgres.js';
import { fillColumns } from './raw/rawColumns.js';
import { rawPool } from './raw/rawConnection.js';
import { addToSets } from './raw/redisSets.js';
import { latenciesFor, median, ofRounds } from './statistics.js';
import { rounds, sized } from './settings.js';

const commonCount = 25_000;
const ownCount = 75_000;
const pageCount = 20;
/** Long enough that the previous side, which takes a hundred times as long, has left the processor's caches. */
const turnMs = sized(750);

/**
 * Intersects two large sets, each on its own host, beside a self-join of one table on one host, Redis, and PostgreSQL
 * if it is installed.
 */
export const intersection: Benchmark = {
  name: 'intersection',
  meaning: 'How fast “followers of both” comes, page by page and drained, with large sets.',
  about: `two sets of ${commonCount + ownCount} with ${commonCount} in common: the first ${pageCount}, and all of it`,
  databaseHosts: 2,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const graph = await roost.graph(await makeGraph(config, 'intersection', 8));
    const nodes = await onTwoHosts(graph);
    const sets = [idsOf([1, 2, 3]), idsOf([4, 5, 6])] as const;
    for (const [i, ids] of sets.entries())
      await graph.writeColumns({ sourceIds: all(ids, nodes[i]!), destinationIds: ids }, { deadlineMs: 60_000 });
    await untilMaterialized(roost);

    const pool = rawPool(config, 1);
    const redis = new Redis(config.redis.port, config.redis.host);
    const postgres = Postgres.start();
    try {
      await pool.query('CREATE DATABASE raw_intersection');
      await pool.query(
        'CREATE TABLE raw_intersection.edges (source_id BIGINT UNSIGNED NOT NULL, destination_id BIGINT UNSIGNED NOT NULL, PRIMARY KEY (source_id, destination_id)) ENGINE=InnoDB',
      );
      await postgres?.run(
        'CREATE TABLE edges (source_id BIGINT, destination_id BIGINT, PRIMARY KEY (source_id, destination_id))',
      );
      for (const [i, ids] of sets.entries()) {
        const sourceIds = all(ids, BigInt(i));
        await fillColumns(pool, 'raw_intersection.edges', [sourceIds, ids]);
        await addToSets(redis, sourceIds, ids);
        await postgres?.fill('edges', [sourceIds, ids]);
      }
      const both = graph.from(nodes[0]).intersect(graph.from(nodes[1]));
      const drain = async (): Promise<number> => {
        let count = 0;
        for await (const page of both.pages()) count += page.length;
        return count;
      };
      const first: Record<string, () => Promise<number>> = {
        ours: async () => (await both.page({ count: pageCount })).ids.length,
        'self-join': async () =>
          (await pool.query<RowDataPacket[]>(`${selfJoin} ORDER BY a.destination_id DESC LIMIT ${pageCount}`))[0]
            .length,
        // Neither form can stop early. Storing avoids sending the answer; the page is then read from the stored set.
        ZINTER: async () => ((await redis.call('ZINTER', 2, 'set:0', 'set:1')) as unknown[]).slice(0, pageCount).length,
        ZINTERSTORE: async () => {
          await redis.zinterstore('both', 2, 'set:0', 'set:1');
          return (await redis.zrevrange('both', 0, pageCount - 1)).length;
        },
        ...(postgres === undefined
          ? {}
          : {
              PostgreSQL: () =>
                postgres.run(
                  `${selfJoin.replaceAll('raw_intersection.', '')} ORDER BY a.destination_id DESC LIMIT ${pageCount}`,
                ),
            }),
      };
      const whole: Record<string, () => Promise<number>> = {
        ours: drain,
        'self-join': async () =>
          (await pool.query<RowDataPacket[]>(`${selfJoin} ORDER BY a.destination_id DESC`))[0].length,
        ZINTER: async () => ((await redis.call('ZINTER', 2, 'set:0', 'set:1')) as unknown[]).length,
        ...(postgres === undefined
          ? {}
          : {
              PostgreSQL: () =>
                postgres.run(`${selfJoin.replaceAll('raw_intersection.', '')} ORDER BY a.destination_id DESC`),
            }),
      };
      const firstMs = await measure(first, pageCount);
      const wholeMs = await measure(whole, commonCount);
      const over = (ms: readonly number[], others: readonly number[]) =>
        ofRounds(ms.map((each, round) => each / others[round]!));
      const zinterMs = firstMs['ZINTER']!.map((ms, round) => Math.min(ms, firstMs['ZINTERSTORE']![round]!));
      return [
        ...Object.entries(firstMs).map(([side, ms]) => ({
          name: `first ${pageCount}: ${side}, p50`,
          ...ofRounds(ms),
          unit: 'ms',
        })),
        {
          name: `first ${pageCount}: ours / self-join`,
          ...over(firstMs['ours']!, firstMs['self-join']!),
          unit: '',
          target: { atMost: 3 },
        },
        {
          name: `first ${pageCount}: the better of Redis / ours`,
          ...over(zinterMs, firstMs['ours']!),
          unit: '',
          target: { atLeast: 10 },
        },
        ...Object.entries(wholeMs).map(([side, ms]) => ({ name: `all: ${side}, p50`, ...ofRounds(ms), unit: 'ms' })),
        {
          name: 'all: self-join / ours',
          ...over(wholeMs['self-join']!, wholeMs['ours']!),
          unit: '',
          target: { atLeast: 1.3 },
        },
        ...(postgres === undefined
          ? []
          : [
              {
                name: 'all: ours / PostgreSQL',
                ...over(wholeMs['ours']!, wholeMs['PostgreSQL']!),
                unit: '',
                target: { atMost: 1 },
              },
            ]),
      ];
    } finally {
      await pool.end();
      redis.disconnect();
      await postgres?.stop();
    }
  },
};

const selfJoin =
  'SELECT a.destination_id FROM raw_intersection.edges a JOIN raw_intersection.edges b ON b.source_id = 1 AND b.destination_id = a.destination_id WHERE a.source_id = 0';

/** Measures the sides by turns; the first round warms them. Throws if a side finds another number of ids. */
async function measure(
  sides: Readonly<Record<string, () => Promise<number>>>,
  found: number,
): Promise<Record<string, readonly number[]>> {
  for (const [side, work] of Object.entries(sides)) {
    const count = await work();
    if (count !== found) throw new Error(`${side} found ${count} where there are ${found}`);
  }
  const taken: Record<string, number[]> = {};
  for (let round = 0; round <= rounds; round++) {
    for (const [side, work] of Object.entries(sides)) {
      const ms = await latenciesFor(turnMs, work);
      if (round > 0) (taken[side] ??= []).push(median(ms));
    }
  }
  return taken;
}

/** One id in seven is in both sets, and three in each alone, so that they interleave. */
function idsOf(own: readonly number[]): BigInt64Array {
  const ids: number[] = [];
  for (let i = 0; i < commonCount; i++) {
    ids.push(1_000 + i * 7);
    for (let j = 0; j < ownCount / commonCount; j++) ids.push(1_000 + i * 7 + own[j]!);
  }
  return BigInt64Array.from(ids, BigInt);
}

async function onTwoHosts(graph: Graph): Promise<readonly [bigint, bigint]> {
  const hostOf = async (id: bigint): Promise<string> => (await graph.locate(id))[0]!.leaves[0]!.host;
  const host = await hostOf(1n);
  for (let id = 2n; id < 1_000n; id++) if ((await hostOf(id)) !== host) return [1n, id];
  throw new Error('all nodes are on one host');
}

const all = (ids: BigInt64Array, source: bigint): BigInt64Array => new BigInt64Array(ids.length).fill(source);
