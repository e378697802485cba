import { Redis } from 'ioredis';
import type { Pool, RowDataPacket } from 'mysql2/promise';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { generatedColumns, type Columns } from './edgeColumns.js';
import { Postgres } from './raw/postgres.js';
import { fillColumns } from './raw/rawColumns.js';
import { rawPool } from './raw/rawConnection.js';
import { addToSets, setOf } from './raw/redisSets.js';
import { latencies, median, ofRounds, percentile } from './statistics.js';
import { rounds, seedOf, sized } from './settings.js';

const edgeCount = sized(200_000);
const pairsPerCall = 100;
const calls = sized(2_000);
const inFlight = 16;
const ours = 'ours, through SDK and RPC';

/**
 * Membership of 100 pairs in one call, with edges on two hosts, beside the ways to ask the same with mysql2 alone,
 * Redis, and PostgreSQL if it is installed.
 */
export const pairs: Benchmark = {
  name: 'pairs',
  meaning: 'How many questions “does A follow B” one server answers a second when a page asks a hundred at once.',
  about: `${calls} calls of ${pairsPerCall} pairs, ${inFlight} in flight, half of them hits, two database hosts`,
  databaseHosts: 2,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const columns = generatedColumns(edgeCount, seedOf(7));
    const graph = await roost.graph(await makeGraph(config, 'pairs', 4));
    await graph.writeColumns(columns, { deadlineMs: 60_000 });
    await untilMaterialized(roost);
    const pools = [rawPool(config, 8, 0), rawPool(config, 8, 1)];
    const redis = new Redis(config.redis.port, config.redis.host);
    const postgres = Postgres.start(inFlight);
    try {
      await Promise.all(pools.map((pool, host) => fillRaw(pool, columns, host)));
      await addToSets(redis, columns.sourceIds, columns.destinationIds);
      await postgres?.run(
        'CREATE TABLE edges (source_id BIGINT, destination_id BIGINT, PRIMARY KEY (source_id, destination_id))',
      );
      await postgres?.fill('edges', [columns.sourceIds, columns.destinationIds]);
      const ask = async (i: number): Promise<void> => void (await graph.containsMany(pairsOf(columns, i)));
      const alone = Object.entries(shapes).map(
        ([name, sql]) => [`mysql2 alone, ${name}`, (i: number) => askRaw(pools, sql, pairsOf(columns, i))] as const,
      );
      const sides: Record<string, (i: number) => Promise<void>> = {
        [ours]: ask,
        ...Object.fromEntries(alone),
        'Redis, pipelined ZSCORE': (i) => askRedis(redis, pairsOf(columns, i)),
        ...(postgres === undefined
          ? {}
          : { 'PostgreSQL, unnest': (i: number) => askPostgres(postgres, pairsOf(columns, i)) }),
      };
      const rates: Record<string, number[]> = {};
      const taken: number[] = [];
      for (let round = 0; round <= rounds; round++) {
        for (const [side, work] of Object.entries(sides)) {
          const startMs = performance.now();
          const all = await latencies(calls, inFlight, work);
          const rate = (calls * pairsPerCall * 1000) / (performance.now() - startMs);
          // The first round warms all of them.
          if (round > 0) (rates[side] ??= []).push(rate);
          if (round > 0 && side === ours) taken.push(...all);
        }
      }
      const ratesOf = (side: string) => ofRounds(rates[side]!);
      const over = (side: string) => ofRounds(rates[ours]!.map((rate, round) => rate / rates[side]![round]!));
      const [best] = alone.map(([name]) => name).sort((a, b) => ratesOf(b).value - ratesOf(a).value);
      return [
        { name: ours, ...ratesOf(ours), unit: 'pairs/s', target: { atLeast: 200_000 } },
        ...Object.keys(sides)
          .filter((side) => side !== ours)
          .map((name) => ({ name, ...ratesOf(name), unit: 'pairs/s' })),
        { name: 'ours / the best of mysql2', ...over(best!), unit: '', target: { atLeast: 0.85 } },
        ...(postgres === undefined
          ? []
          : [{ name: 'ours / PostgreSQL', ...over('PostgreSQL, unnest'), unit: '', target: { atLeast: 1 } }]),
        { name: 'ours, p50 of a call', value: median(taken), unit: 'ms' },
        { name: 'ours, p99 of a call', value: percentile(taken, 0.99), unit: 'ms' },
      ];
    } finally {
      for (const pool of pools) await pool.end();
      redis.disconnect();
      await postgres?.stop();
    }
  },
};

type Shape = (pairs: readonly (readonly [bigint, bigint])[]) => {
  readonly sql: string;
  readonly values: readonly string[];
};

const onPair = 'STRAIGHT_JOIN raw_pairs.edges e ON e.source_id = k.s AND e.destination_id = k.d';
const shapes: Readonly<Record<string, Shape>> = {
  JSON_TABLE: (asked) => ({
    sql: `SELECT k.i, e.state FROM JSON_TABLE(?, '$[*]' COLUMNS (i FOR ORDINALITY, s BIGINT UNSIGNED PATH '$[0]', d BIGINT UNSIGNED PATH '$[1]')) k ${onPair}`,
    values: [`[${asked.map(([source, destination]) => `[${source},${destination}]`).join()}]`],
  }),
  'derived UNION ALL': (asked) => ({
    sql: `SELECT k.s, k.d, e.state FROM (${asked.map((_, i) => (i === 0 ? 'SELECT ? s, ? d' : 'SELECT ?, ?')).join(' UNION ALL ')}) k ${onPair}`,
    values: asked.flatMap((pair) => pair.map(String)),
  }),
  'row IN': (asked) => ({
    sql: `SELECT source_id, destination_id, state FROM raw_pairs.edges WHERE (source_id, destination_id) IN (${asked.map(() => '(?, ?)').join()})`,
    values: asked.flatMap((pair) => pair.map(String)),
  }),
};

/** The parity of an id gives the user's host: the plainest routing possible. */
async function askRaw(pools: readonly Pool[], shape: Shape, { sourceIds, destinationIds }: Columns): Promise<void> {
  const byHost: (readonly [bigint, bigint])[][] = pools.map(() => []);
  sourceIds.forEach((source, i) => byHost[Number(source % 2n)]!.push([source, destinationIds[i]!]));
  await Promise.all(
    byHost.map(async (asked, host) => {
      if (asked.length === 0) return;
      const { sql, values } = shape(asked);
      await pools[host]!.execute<RowDataPacket[]>(sql, [...values]);
    }),
  );
}

async function fillRaw(pool: Pool, { sourceIds, destinationIds }: Columns, host: number): Promise<void> {
  await pool.query('CREATE DATABASE raw_pairs');
  await pool.query(`CREATE TABLE raw_pairs.edges (source_id BIGINT UNSIGNED NOT NULL, destination_id BIGINT UNSIGNED NOT NULL, state TINYINT UNSIGNED NOT NULL,
    PRIMARY KEY (source_id, destination_id)) ENGINE=InnoDB`);
  const here = (ids: BigInt64Array): BigInt64Array => ids.filter((_, i) => Number(sourceIds[i]! % 2n) === host);
  const mine = here(sourceIds);
  await fillColumns(pool, 'raw_pairs.edges', [mine, here(destinationIds), new BigInt64Array(mine.length)]);
}

async function askRedis(redis: Redis, { sourceIds, destinationIds }: Columns): Promise<void> {
  const pipeline = redis.pipeline();
  sourceIds.forEach((source, i) => pipeline.zscore(setOf(source), String(destinationIds[i]!)));
  await pipeline.exec();
}

async function askPostgres(postgres: Postgres, { sourceIds, destinationIds }: Columns): Promise<void> {
  const sql =
    'SELECT k.s, k.d FROM unnest($1::bigint[], $2::bigint[]) k(s, d) JOIN edges e ON e.source_id = k.s AND e.destination_id = k.d';
  await postgres.run(sql, [Array.from(sourceIds, String), Array.from(destinationIds, String)]);
}

function pairsOf({ sourceIds, destinationIds }: Columns, call: number): Columns {
  const at = (i: number): number => (call * 7919 + i * 104_729) % edgeCount;
  return {
    sourceIds: BigInt64Array.from({ length: pairsPerCall }, (_, i) => sourceIds[at(i)]!),
    destinationIds: BigInt64Array.from(
      { length: pairsPerCall },
      (_, i) => destinationIds[i % 2 === 0 ? at(i) : (at(i) + 1) % edgeCount]!,
    ),
  };
}
