import type { Pool, RowDataPacket } from 'mysql2/promise';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { generatedColumns, type Columns } from './edgeColumns.js';
import { rawPool } from './raw/rawConnection.js';
import { latencies, median, percentile } from './statistics.js';

const edgeCount = 200_000;
const pairsPerCall = 100;
const calls = 2_000;
const rounds = 3;
const inFlight = 16;

/** Membership of 100 pairs in one call, the edges on two hosts, beside the ways in which mysql2 alone can ask the same. */
export const pairs: Benchmark = {
  name: 'pairs',
  about: `${calls} calls of ${pairsPerCall} pairs, ${inFlight} in flight, half of them hits, two database hosts`,
  databaseHosts: 2,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const columns = generatedColumns(edgeCount, 7);
    const graph = await roost.graph(await makeGraph(config, 'pairs', 4));
    await graph.writeColumns(columns, { deadlineMs: 60_000 });
    await untilMaterialized(roost);
    const pools = [rawPool(config, 8, 0), rawPool(config, 8, 1)];
    try {
      await Promise.all(pools.map((pool, host) => fillRaw(pool, columns, host)));
      const ask = async (i: number): Promise<void> => void (await graph.containsMany(pairsOf(columns, i)));
      const sides = { ours: ask, ...Object.fromEntries(Object.entries(shapes).map(([name, sql]) => [name, (i: number) => askRaw(pools, sql, pairsOf(columns, i))])) };
      const rates: Record<string, number[]> = {};
      const taken: number[] = [];
      for (let round = 0; round <= rounds; round++) {
        for (const [side, work] of Object.entries(sides)) {
          const startMs = performance.now();
          const all = await latencies(calls, inFlight, work);
          const rate = (calls * pairsPerCall * 1000) / (performance.now() - startMs);
          // The first round warms all of them.
          if (round > 0) (rates[side] ??= []).push(rate);
          if (round > 0 && side === 'ours') taken.push(...all);
        }
      }
      const best = Math.max(...Object.keys(shapes).map((name) => median(rates[name]!)));
      return [
        { name: 'ours, through SDK and RPC', value: median(rates['ours']!), unit: 'pairs/s', target: { atLeast: 200_000 } },
        ...Object.keys(shapes).map((name) => ({ name: `mysql2 alone, ${name}`, value: median(rates[name]!), unit: 'pairs/s' })),
        { name: 'ours / the best of them', value: median(rates['ours']!) / best, unit: '', target: { atLeast: 0.5 } },
        { name: 'ours, p50 of a call', value: median(taken), unit: 'ms' },
        { name: 'ours, p99 of a call', value: percentile(taken, 0.99), unit: 'ms' },
      ];
    } finally {
      for (const pool of pools) await pool.end();
    }
  },
};

type Shape = (pairs: readonly (readonly [bigint, bigint])[]) => { readonly sql: string; readonly values: readonly string[] };

const onPair = 'STRAIGHT_JOIN raw_pairs.edges e ON e.source_id = k.s AND e.destination_id = k.d';
const shapes: Readonly<Record<string, Shape>> = {
  'JSON_TABLE': (asked) => ({
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

/** Users live on the host that the parity of their id says: as plain as routing can be. */
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
  const rows = Array.from(sourceIds, (source, i) => [source, destinationIds[i]!, 0] as const).filter(([source]) => Number(source % 2n) === host);
  for (let start = 0; start < rows.length; start += 1_000) await pool.query('INSERT INTO raw_pairs.edges VALUES ?', [rows.slice(start, start + 1_000)]);
}

function pairsOf({ sourceIds, destinationIds }: Columns, call: number): Columns {
  const at = (i: number): number => (call * 7919 + i * 104_729) % edgeCount;
  return {
    sourceIds: BigInt64Array.from({ length: pairsPerCall }, (_, i) => sourceIds[at(i)]!),
    destinationIds: BigInt64Array.from({ length: pairsPerCall }, (_, i) => destinationIds[i % 2 === 0 ? at(i) : (at(i) + 1) % edgeCount]!),
  };
}
