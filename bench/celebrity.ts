import { Redis } from 'ioredis';
import type { RowDataPacket } from 'mysql2/promise';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { Postgres } from './raw/postgres.js';
import { fillColumns } from './raw/rawColumns.js';
import { rawPool } from './raw/rawConnection.js';
import { addToSets, setOf } from './raw/redisSets.js';
import { latencies, median } from './statistics.js';
import { sized } from './settings.js';

const sizes = [10_000, 100_000, 1_000_000] as const;
const fanCount = sized(200);
const reads = sized(200);
const user = 1n;
const universe = 1_000_000;

/**
 * Intersects 200 ids with sets of up to a million: the whole answer, beside a plain page of the 200 ids. Also
 * compares the largest with peers that hold the same two sets.
 */
export const celebrity: Benchmark = {
  name: 'celebrity',
  about: `${fanCount} ids intersected with ${sizes.map((size) => size.toLocaleString('en')).join(', ')}; ${reads} reads of each, one at a time`,
  meaning: 'Whether a page of “who follows both” stays quick when one of the two has millions of followers.',
  databaseHosts: 2,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const graph = await roost.graph(await makeGraph(config, 'celebrity', 4));
    // All sizes span the same ids. Every second id of the user is in every set.
    const spread = (count: number, shift: number): BigInt64Array =>
      BigInt64Array.from({ length: count }, (_, i) =>
        BigInt(1_000 + Math.floor((i * universe) / count) + (i % 2) * shift),
      );
    const sets = [
      [user, spread(fanCount, 1)] as const,
      ...sizes.map((size) => [BigInt(size), spread(size, 0)] as const),
    ];
    for (const [source, ids] of sets) {
      await graph.writeColumns(
        { sourceIds: new BigInt64Array(ids.length).fill(source), destinationIds: ids },
        { deadlineMs: 60_000 },
      );
      await untilMaterialized(roost);
    }
    const page = await medianMs(async () => (await graph.from(user).page({ count: fanCount })).ids.length);
    const figures: Figure[] = [{ name: 'a plain page, p50', value: page, unit: 'ms' }];
    const taken: number[] = [];
    for (const size of sizes) {
      const both = graph.from(user).intersect(graph.from(BigInt(size)));
      const ms = await medianMs(async () => (await both.page({ count: fanCount })).ids.length);
      taken.push(ms);
      figures.push({ name: `× ${size.toLocaleString('en')}, p50`, value: ms, unit: 'ms' });
    }
    return [
      ...figures,
      { name: '× 1,000,000 / a plain page', value: taken.at(-1)! / page, unit: '', target: { atMost: 6 } },
      { name: '× 1,000,000 / × 10,000', value: taken.at(-1)! / taken[0]!, unit: '', target: { atMost: 2 } },
      ...(await peers(config, [sets[0]!, sets.at(-1)!])),
    ];
  },
};

/** The intersection of the first set with the other, on each peer. */
async function peers(
  config: BenchCluster['config'],
  sets: readonly (readonly [bigint, BigInt64Array])[],
): Promise<readonly Figure[]> {
  const pool = rawPool(config, 1);
  const redis = new Redis(config.redis.port, config.redis.host);
  const postgres = Postgres.start();
  try {
    await pool.query('CREATE DATABASE raw_celebrity');
    await pool.query(
      'CREATE TABLE raw_celebrity.edges (source_id BIGINT UNSIGNED NOT NULL, destination_id BIGINT UNSIGNED NOT NULL, PRIMARY KEY (source_id, destination_id)) ENGINE=InnoDB',
    );
    await postgres?.run(
      'CREATE TABLE edges (source_id BIGINT, destination_id BIGINT, PRIMARY KEY (source_id, destination_id))',
    );
    for (const [source, ids] of sets) {
      const sourceIds = new BigInt64Array(ids.length).fill(source);
      await fillColumns(pool, 'raw_celebrity.edges', [sourceIds, ids]);
      await addToSets(redis, sourceIds, ids);
      await postgres?.fill('edges', [sourceIds, ids]);
    }
    const [[small], [large]] = sets as [readonly [bigint, BigInt64Array], readonly [bigint, BigInt64Array]];
    const join = (table: string): string =>
      `SELECT a.destination_id FROM ${table} a JOIN ${table} b ON b.source_id = ${large} AND b.destination_id = a.destination_id WHERE a.source_id = ${small} ORDER BY a.destination_id DESC`;
    const sides: Record<string, () => Promise<number>> = {
      'self-join of one table': async () => (await pool.query<RowDataPacket[]>(join('raw_celebrity.edges')))[0].length,
      'Redis, ZINTER': async () => ((await redis.call('ZINTER', 2, setOf(small), setOf(large))) as unknown[]).length,
      ...(postgres === undefined ? {} : { PostgreSQL: () => postgres.run(join('edges')) }),
    };
    const figures: Figure[] = [];
    for (const [side, read] of Object.entries(sides))
      figures.push({ name: `× 1,000,000: ${side}, p50`, value: await medianMs(read), unit: 'ms' });
    return figures;
  } finally {
    await pool.end();
    redis.disconnect();
    await postgres?.stop();
  }
}

/** The median time of a read. Throws if a read finds less than half of the user's ids. */
const medianMs = async (read: () => Promise<number>): Promise<number> => {
  const checked = async (): Promise<void> => {
    const found = await read();
    if (found < fanCount / 2) throw new Error(`${found} ids of ${fanCount}`);
  };
  await latencies(20, 1, checked);
  return median(await latencies(reads, 1, checked));
};
