import type { RowDataPacket } from 'mysql2/promise';
import { openFlock } from '../flock/index.js';
import { tableIdOf } from '../flock/graphs.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { rawPool } from './raw/rawConnection.js';
import { ofRounds, timed } from './statistics.js';
import { rounds, sized } from './settings.js';

const edgeCount = sized(500_000);
const pageRows = 5_000;
const celebrity = 1n;

/** All followers of one user, newest first, beside mysql2 alone paging the same rows of the same table. */
export const iterate: Benchmark = {
  name: 'iterate',
  meaning: 'How fast all followers of a celebrity can be read, as a delivery or an export does.',
  about: `one node with ${edgeCount} edges, drained`,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const name = await makeGraph(config, 'iterate', 1);
    const graph = await roost.graph(name);
    await graph.writeColumns(
      {
        sourceIds: new BigInt64Array(edgeCount).fill(celebrity),
        destinationIds: BigInt64Array.from({ length: edgeCount }, (_, i) => BigInt(i + 2)),
      },
      { deadlineMs: 60_000 },
    );
    await untilMaterialized(roost);
    const pool = rawPool(config, 1);
    const table = await tableOf(config, name);
    const raw = async (): Promise<void> => {
      let rows: RowDataPacket[] = [];
      let seen = 0;
      let position = '9223372036854775807';
      do {
        [rows] = await pool.execute<RowDataPacket[]>(
          `SELECT destination_id, position FROM ${table} WHERE source_id = ? AND state = ? AND position < ? ORDER BY position DESC LIMIT ${pageRows}`,
          [String(celebrity), '0', position],
        );
        seen += rows.length;
        position = String(rows.at(-1)?.[1] as unknown);
      } while (rows.length === pageRows);
      if (seen !== edgeCount) throw new Error(`raw paging saw ${seen} rows`);
    };
    const ours = async (): Promise<void> => {
      let seen = 0;
      for await (const page of graph.from(celebrity).pages()) seen += page.length;
      if (seen !== edgeCount) throw new Error(`ours saw ${seen} rows`);
    };
    const rates: { ours: number; raw: number }[] = [];
    for (let round = 0; round < rounds; round++)
      rates.push({ raw: edgeCount / (await timed(raw)), ours: edgeCount / (await timed(ours)) });
    await pool.end();
    return [
      { name: 'ours, through SDK and RPC', ...ofRounds(rates.map((rate) => rate.ours)), unit: 'rows/ms' },
      { name: 'raw mysql2 paging', ...ofRounds(rates.map((rate) => rate.raw)), unit: 'rows/ms' },
      {
        name: 'ours / raw',
        ...ofRounds(rates.map((rate) => rate.ours / rate.raw)),
        unit: '',
        target: { atLeast: 0.8 },
      },
    ];
  },
};

async function tableOf(config: BenchCluster['config'], graph: string): Promise<string> {
  const flock = await openFlock(config);
  try {
    const [leaf] = flock.gizzard.topology.route(tableIdOf(flock.graph(graph).id, 'forward'), celebrity).leaves;
    return `\`${config.cluster}\`.\`${leaf!.shard.id.tablePrefix}_edges\``;
  } finally {
    await flock.close();
  }
}
