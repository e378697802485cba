import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { generatedColumns } from './edgeColumns.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { RawEdges } from './raw/rawEdges.js';
import { rawPool } from './raw/rawConnection.js';
import { ofRounds, timed } from './statistics.js';
import { rounds, seedOf, sized } from './settings.js';

const edgeCount = sized(150_000);
const rawWorkers = 2;

/**
 * Loads over RPC until all rows are in their tables, beside mysql2 alone with the same rows, counters and durability.
 */
export const load: Benchmark = {
  name: 'load',
  meaning: 'How many edges a second an import reaches. The floor is mysql2 alone, with one table and nothing derived.',
  about: `${edgeCount} edges in both directions, one replica, exact counters, appendfsync always`,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const pool = rawPool(config, rawWorkers);
    const rates: { ours: number; floor: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const columns = generatedColumns(edgeCount, seedOf(round));
      const raw = await RawEdges.create(pool, `raw_${round}`);
      const floor = edgeCount / (await timed(() => raw.load(columns, rawWorkers)));
      await raw.drop();

      const graph = await roost.graph(await makeGraph(config, `load_${round}`, 4));
      const ours =
        edgeCount /
        (await timed(async () => {
          await graph.writeColumns(columns, { deadlineMs: 60_000 });
          await untilMaterialized(roost);
        }));
      rates.push({ ours: ours * 1000, floor: floor * 1000 });
    }
    await pool.end();
    return [
      {
        name: 'ours, over RPC',
        ...ofRounds(rates.map(({ ours }) => ours)),
        unit: 'edges/s',
        target: { atLeast: 40_000 },
      },
      { name: 'floor, mysql2 alone', ...ofRounds(rates.map(({ floor }) => floor)), unit: 'edges/s' },
      {
        name: 'ours / floor',
        ...ofRounds(rates.map(({ ours, floor }) => ours / floor)),
        unit: '',
        target: { atLeast: 0.85 },
      },
    ];
  },
};
