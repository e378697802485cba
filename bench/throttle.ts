import { setTimeout as sleep } from 'node:timers/promises';
import { openFlock } from '../flock/index.js';
import { tableIdOf } from '../flock/graphs.js';
import type { ShardInfo } from '../gizzard/index.js';
import type { Graph } from '../sdk/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { generatedColumns } from './edgeColumns.js';
import { median, percentile } from './statistics.js';
import { rounds, seedOf, sized } from './settings.js';

const edgeCount = sized(600_000);
const roundMs = sized(4_000);
/** A request starts at this interval, whether or not earlier requests are answered, as from many callers. */
const everyMs = 4;
const endsWithinMs = 10_000;

/** The effect of a throttled copy on callers of the same hosts. */
export const throttle: Benchmark = {
  name: 'throttle',
  meaning: 'How much users notice of a shard that is moved while they read.',
  about: `one request every ${everyMs} ms, of three a read of a page, a membership and a write; alone, and while a shard of ${edgeCount} edges is copied with the throttle on, by turns`,
  databaseHosts: 2,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const [first, second] = Object.keys(config.databaseHosts) as [string, string];
    const name = await makeGraph(config, 'throttled', 1, [first]);
    const graph = await roost.graph(name);
    const columns = generatedColumns(edgeCount, seedOf(1));
    await graph.writeColumns(columns, { deadlineMs: 60_000 });
    await untilMaterialized(roost);
    const flock = await openFlock(config);
    try {
      const { gizzard } = flock;
      const source = gizzard.topology.routes(tableIdOf(flock.graph(name).id, 'forward'))[0]!.leaves[0]!.shard;
      await foreground(graph, columns.sourceIds);
      const alone: number[][] = [];
      const beside: number[][] = [];
      const rates: number[] = [];
      for (let round = 0; round < rounds; round++) {
        alone.push(await foreground(graph, columns.sourceIds));
        const target: ShardInfo = { ...source, id: { hostname: second, tablePrefix: `target_${round}` } };
        await gizzard.apply([{ kind: 'createShard', shard: target }]);
        // The callers start before the copy does.
        const leadIn = foreground(graph, columns.sourceIds);
        const id = await gizzard.moves.request('copy', [source.id, target.id]);
        await leadIn;
        const before = await gizzard.moves.get(id);
        if (before.rowsDone === 0) throw new Error('the copy has not begun');
        beside.push(await foreground(graph, columns.sourceIds));
        const { state, rowsDone } = await gizzard.moves.get(id);
        if (state !== 'running') throw new Error(`the copy is ${state} before the end of the measurement`);
        rates.push(((rowsDone - before.rowsDone) * 1000) / roundMs);
        await gizzard.moves.cancel(id);
        await gizzard.moves.ended(id, AbortSignal.timeout(endsWithinMs));
      }
      const middle = (runs: readonly (readonly number[])[], share: number): number =>
        median(runs.map((ms) => percentile(ms, share)));
      return [
        { name: 'alone, p50', value: middle(alone, 0.5), unit: 'ms' },
        { name: 'alone, p99', value: middle(alone, 0.99), unit: 'ms' },
        { name: 'beside the copy, p50', value: middle(beside, 0.5), unit: 'ms' },
        { name: 'beside the copy, p99', value: middle(beside, 0.99), unit: 'ms' },
        { name: 'the copy', value: median(rates), unit: 'rows/s' },
        {
          name: 'p99 beside / alone',
          value: median(alone.map((ms, i) => percentile(beside[i]!, 0.99) / percentile(ms, 0.99))),
          unit: '',
          target: { atMost: 2 },
        },
      ];
    } finally {
      await flock.close();
    }
  },
};

/** The milliseconds that each request took from when it was due. */
async function foreground(graph: Graph, sources: BigInt64Array): Promise<number[]> {
  const taken: Promise<number>[] = [];
  const startMs = performance.now();
  for (let i = 0; i * everyMs < roundMs; i++) {
    const dueMs = startMs + i * everyMs;
    if (dueMs > performance.now()) await sleep(dueMs - performance.now());
    taken.push(ask(graph, sources[(i * 7919) % sources.length]!, i).then(() => performance.now() - dueMs));
  }
  return Promise.all(taken);
}

async function ask(graph: Graph, source: bigint, i: number): Promise<void> {
  if (i % 3 === 0) await graph.from(source).newest(50);
  else if (i % 3 === 1) await graph.contains(source, i);
  else await graph.add(source, 1_000_000 + i);
}
