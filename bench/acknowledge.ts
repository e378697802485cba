import { Redis } from 'ioredis';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { latencies, median, ofRounds, percentile, timed } from './statistics.js';
import { rounds, sized } from './settings.js';

const writes = sized(1_000);

/**
 * One write at a time: the time until it is journaled, beside a raw XADD of the same size; and the time until it can
 * be read.
 */
export const acknowledge: Benchmark = {
  name: 'acknowledge',
  about: `${writes} single writes, one at a time, appendfsync always`,
  meaning:
    'How long a user waits until a write is safe, one write at a time. The raw XADD is the least that any journal on this Redis takes.',
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const redis = new Redis(config.redis.port, config.redis.host);
    const graph = await roost.graph(await makeGraph(config, 'acknowledge', 4));
    const payload = Buffer.alloc(60);
    const ours: number[] = [];
    const raw: number[] = [];
    const ratios: number[] = [];
    for (let i = 0; i < writes; i++) {
      if (i > 0 && i % Math.ceil(writes / rounds) === 0) ratios.push(ratioOfLast(ours, raw));
      raw.push(
        await timed(() =>
          redis.xadd('raw', '*', 'kind', 'flock.edges', 'payload', payload, 'accepted', '1700000000000'),
        ),
      );
      ours.push(await timed(() => graph.add(1, i)));
      // The figure is for one write: the write before it must have reached the tables.
      await untilMaterialized(roost);
    }
    ratios.push(ratioOfLast(ours, raw));
    const busy = await latencies(writes, 1, (i) => graph.add(2, i));
    await untilMaterialized(roost);
    const materialized = await latencies(writes, 1, (i) => graph.add(i + 100, i, { acknowledgment: 'materialized' }));
    await redis.del('raw');
    redis.disconnect();
    return [
      { name: 'journaled, p50', value: median(ours), unit: 'ms' },
      { name: 'journaled, p99', value: percentile(ours, 0.99), unit: 'ms' },
      { name: 'raw XADD, p50', value: median(raw), unit: 'ms' },
      { name: 'raw XADD, p99', value: percentile(raw, 0.99), unit: 'ms' },
      { name: 'ours / raw, p50', ...ofRounds(ratios), unit: '', target: { atMost: 1.7 } },
      { name: 'journaled, while those before are applied, p50', value: median(busy), unit: 'ms' },
      { name: 'materialized, p50', value: median(materialized), unit: 'ms' },
      { name: 'materialized, p99', value: percentile(materialized, 0.99), unit: 'ms' },
    ];
  },
};

/** The ratio for the writes of the round that ends. */
function ratioOfLast(ours: readonly number[], raw: readonly number[]): number {
  const round = Math.ceil(writes / rounds);
  return median(ours.slice(-round)) / median(raw.slice(-round));
}
