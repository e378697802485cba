import type { RowDataPacket } from 'mysql2/promise';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { generatedColumns } from './edgeColumns.js';
import { rawPool } from './raw/rawConnection.js';
import { latencies, median, ofRounds, percentile } from './statistics.js';
import { rounds, seedOf, sized } from './settings.js';

const edgeCount = sized(100_000);
const reads = sized(10_000);
const inFlight = 64;

/** Membership of one pair at a time, many callers at once, beside point reads of the same table by mysql2 alone. */
export const contains: Benchmark = {
  name: 'contains',
  about: `${reads} membership reads, ${inFlight} in flight, half of them hits`,
  meaning: 'How many questions “does A follow B” one server answers a second, one by one, as a service asks them.',
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const columns = generatedColumns(edgeCount, seedOf(7));
    const graph = await roost.graph(await makeGraph(config, 'contains', 4));
    await graph.writeColumns(columns, { deadlineMs: 60_000 });
    await untilMaterialized(roost);
    const pool = rawPool(config, 16);
    await pool.query('CREATE DATABASE raw_contains');
    await pool.query(`CREATE TABLE raw_contains.edges (source_id BIGINT UNSIGNED NOT NULL, destination_id BIGINT UNSIGNED NOT NULL, state TINYINT UNSIGNED NOT NULL,
      PRIMARY KEY (source_id, destination_id)) ENGINE=InnoDB`);
    for (let start = 0; start < edgeCount; start += 1_000) {
      const rows = Array.from(columns.sourceIds.subarray(start, start + 1_000), (source, i) => [
        source,
        columns.destinationIds[start + i]!,
        0,
      ]);
      await pool.query('INSERT INTO raw_contains.edges VALUES ?', [rows]);
    }
    const pair = (i: number): [bigint, bigint] => {
      const at = (i * 7919) % edgeCount;
      return [columns.sourceIds[at]!, columns.destinationIds[i % 2 === 0 ? at : (at + 1) % edgeCount]!];
    };
    const raw = async (i: number): Promise<boolean> => {
      const [rows] = await pool.execute<RowDataPacket[]>(
        'SELECT state FROM raw_contains.edges WHERE source_id = ? AND destination_id = ?',
        pair(i).map(String),
      );
      return rows.length > 0;
    };
    const ours = (i: number): Promise<boolean> => graph.contains(...pair(i));
    const rates: { ours: number; raw: number }[] = [];
    const taken: { ours: number[]; raw: number[] } = { ours: [], raw: [] };
    for (let round = 0; round <= rounds; round++) {
      const rate: Record<'ours' | 'raw', number> = { ours: 0, raw: 0 };
      for (const [side, read] of Object.entries({ raw, ours }) as ['ours' | 'raw', (i: number) => Promise<boolean>][]) {
        const startMs = performance.now();
        const all = await latencies(reads, inFlight, read);
        rate[side] = (reads / (performance.now() - startMs)) * 1000;
        if (round > 0) taken[side].push(...all);
      }
      // The first round warms both.
      if (round > 0) rates.push(rate);
    }
    await pool.query('DROP DATABASE raw_contains');
    await pool.end();
    return [
      { name: 'ours, through SDK and RPC', ...ofRounds(rates.map((rate) => rate.ours)), unit: 'reads/s' },
      { name: 'raw mysql2 point reads', ...ofRounds(rates.map((rate) => rate.raw)), unit: 'reads/s' },
      {
        name: 'ours / raw',
        ...ofRounds(rates.map((rate) => rate.ours / rate.raw)),
        unit: '',
        target: { atLeast: 0.8 },
      },
      { name: 'ours, p50', value: median(taken.ours), unit: 'ms' },
      { name: 'ours, p99', value: percentile(taken.ours, 0.99), unit: 'ms' },
      { name: 'raw, p50', value: median(taken.raw), unit: 'ms' },
      { name: 'raw, p99', value: percentile(taken.raw, 0.99), unit: 'ms' },
    ];
  },
};
