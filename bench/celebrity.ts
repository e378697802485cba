import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { latencies, median } from './statistics.js';

const sizes = [10_000, 100_000, 1_000_000] as const;
const fanCount = 200;
const reads = 200;
const user = 1n;
const universe = 1_000_000;

/** Which of 200 ids a set of up to a million has: the whole answer, beside a plain page of the 200. */
export const celebrity: Benchmark = {
  name: 'celebrity',
  about: `${fanCount} ids intersected with ${sizes.map((size) => size.toLocaleString('en')).join(', ')}; ${reads} reads of each, one at a time`,
  databaseHosts: 2,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const graph = await roost.graph(await makeGraph(config, 'celebrity', 4));
    const put = async (source: bigint, ids: BigInt64Array): Promise<void> => {
      await graph.writeColumns({ sourceIds: new BigInt64Array(ids.length).fill(source), destinationIds: ids }, { deadlineMs: 60_000 });
      await untilMaterialized(roost);
    };
    // Spread over the same ids, whatever the size; every second of the user's is in all of them.
    const spread = (count: number, shift: number): BigInt64Array => BigInt64Array.from({ length: count }, (_, i) => BigInt(1_000 + Math.floor((i * universe) / count) + (i % 2) * shift));
    await put(user, spread(fanCount, 1));
    for (const size of sizes) await put(BigInt(size), spread(size, 0));
    const page = await medianMs(() => graph.from(user).page({ count: fanCount }));
    const figures: Figure[] = [{ name: 'a plain page, p50', value: page, unit: 'ms' }];
    const taken: number[] = [];
    for (const size of sizes) {
      const both = graph.from(user).intersect(graph.from(BigInt(size)));
      const { ids } = await both.page({ count: fanCount });
      if (ids.length < fanCount / 2) throw new Error(`the intersection with ${size} has ${ids.length} ids`);
      const ms = await medianMs(() => both.page({ count: fanCount }));
      taken.push(ms);
      figures.push({ name: `× ${size.toLocaleString('en')}, p50`, value: ms, unit: 'ms' });
    }
    return [
      ...figures,
      { name: '× 1,000,000 / a plain page', value: taken.at(-1)! / page, unit: '', target: { atMost: 6 } },
      { name: '× 1,000,000 / × 10,000', value: taken.at(-1)! / taken[0]!, unit: '', target: { atMost: 2 } },
    ];
  },
};

const medianMs = async (read: () => Promise<unknown>): Promise<number> => {
  await latencies(20, 1, read);
  return median(await latencies(reads, 1, read));
};
