import { openFlock } from '../flock/index.js';
import { tableIdOf } from '../flock/graphs.js';
import { edgeTables } from '../flock/storage/edgeTables.js';
import type { ShardInfo } from '../gizzard/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { generatedColumns } from './edgeColumns.js';
import { rawPool } from './raw/rawConnection.js';
import { median, timed } from './statistics.js';

const edgeCount = 300_000;
const rounds = 3;
const never = new AbortController().signal;

/** Copying a shard through the server, with its merging, counters and saved position, beside INSERT … SELECT of the same rows through mysql2. */
export const copy: Benchmark = {
  name: 'copy',
  about: `a shard of ${edgeCount} edges, both tables, copied to an empty one on the same host`,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const name = await makeGraph(config, 'copied', 1);
    const graph = await roost.graph(name);
    await graph.writeColumns(generatedColumns(edgeCount, 1), { deadlineMs: 60_000 });
    await untilMaterialized(roost);
    const pool = rawPool(config, 1);
    const flock = await openFlock(config);
    try {
      const { gizzard } = flock;
      const source = gizzard.topology.routes(tableIdOf(flock.graph(name).id, 'forward'))[0]!.leaves[0]!.shard;
      const shard = (prefix: string): ShardInfo => ({ ...source, id: { ...source.id, tablePrefix: prefix } });
      const from = edgeTables(config.cluster, source);
      const rates: { readonly ours: number; readonly floor: number }[] = [];
      for (let round = 0; round < rounds; round++) {
        const ours = shard(`ours_${round}`);
        await gizzard.apply([{ kind: 'createShard', shard: ours }]);
        const oursMs = await timed(async () => gizzard.moves.finished(await gizzard.moves.request('copy', [source.id, ours.id], { maxRowsPerSecond: 100_000_000 }), never));

        const raw = edgeTables(config.cluster, shard(`raw_${round}`));
        await pool.query(`CREATE TABLE ${raw.edges} LIKE ${from.edges}`);
        await pool.query(`CREATE TABLE ${raw.nodes} LIKE ${from.nodes}`);
        const rawMs = await timed(async () => {
          await pool.query(`INSERT INTO ${raw.nodes} SELECT * FROM ${from.nodes}`);
          await pool.query(`INSERT INTO ${raw.edges} SELECT * FROM ${from.edges}`);
        });
        rates.push({ ours: (edgeCount * 1000) / oursMs, floor: (edgeCount * 1000) / rawMs });
      }
      return [
        { name: 'ours', value: median(rates.map(({ ours }) => ours)), unit: 'edges/s' },
        { name: 'floor, INSERT … SELECT', value: median(rates.map(({ floor }) => floor)), unit: 'edges/s' },
        { name: 'ours / floor', value: median(rates.map(({ ours, floor }) => ours / floor)), unit: '', target: { atLeast: 0.5 } },
      ];
    } finally {
      await flock.close();
      await pool.end();
    }
  },
};
