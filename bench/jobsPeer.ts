import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { defineStore, openCluster } from '../cluster/index.js';
import { Deadline } from '../core/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { ofRounds } from './statistics.js';
import { rounds, sized } from './settings.js';

const jobs = sized(20_000);
const batch = 1_000;
const batchesAtOnce = 4;
const payload = Buffer.alloc(60, 'edge');
const withinMs = 120_000;
const kind = 'bench.nothing';

/** Both sides accept jobs that do nothing, and take them. */
interface Side {
  /** Accepts a batch. */
  readonly accept: () => Promise<unknown>;
  /** The jobs that are accepted and not yet done and gone. */
  readonly left: () => Promise<number>;
}

/** Jobs accepted and done by the journal and by BullMQ, on the same Redis, which syncs every write. */
export const jobsPeer: Benchmark = {
  name: 'jobsPeer',
  about: `${jobs} jobs that do nothing, accepted ${batch} at a time and done, by the journal and by BullMQ on the same Redis, appendfsync always`,
  meaning: 'How many writes a second one Redis can journal and hand to workers, beside the most used queue on Redis.',
  async run({ config }: BenchCluster): Promise<readonly Figure[]> {
    const nothing = defineStore({
      name: 'nothing',
      open: () => undefined,
      shardTypes: () => [],
      jobTypes: () => [{ kind, run: () => Promise.resolve([]) }],
    });
    // A journal of its own: no other server knows this kind of job.
    const cluster = await openCluster({ ...config, cluster: 'peers' }, [nothing], { work: true, create: true });
    const connection = { host: config.redis.host, port: config.redis.port };
    const queue = new Queue('peer', { connection });
    const worker = new Worker('peer', () => Promise.resolve(), { connection, concurrency: 256 });
    const text = payload.toString('base64');
    const sides: Record<'journal' | 'bullmq', Side> = {
      journal: {
        accept: () =>
          cluster.gizzard.jobs.append(
            Array.from({ length: batch }, () => ({ kind, payload })),
            { priority: 'low', waitUntilApplied: false, deadline: Deadline.after(withinMs) },
          ),
        left: async () => (await cluster.gizzard.jobs.sizes('low')).queued,
      },
      bullmq: {
        accept: () =>
          queue.addBulk(
            Array.from({ length: batch }, () => ({
              name: 'nothing',
              data: text,
              opts: { removeOnComplete: true, removeOnFail: true },
            })),
          ),
        left: async () => {
          const counts = await queue.getJobCounts('waiting', 'active');
          return Object.values(counts).reduce((sum, count) => sum + count, 0);
        },
      },
    };
    try {
      const rates: Record<keyof typeof sides, number[]> = { journal: [], bullmq: [] };
      for (let round = 0; round <= rounds; round++)
        for (const name of round % 2 === 0 ? (['journal', 'bullmq'] as const) : (['bullmq', 'journal'] as const)) {
          const rate = await jobsPerSecond(sides[name]);
          // The first round warms both.
          if (round > 0) rates[name].push(rate);
        }
      const ratios = rates.journal.map((rate, i) => rate / rates.bullmq[i]!);
      return [
        { name: 'jobs, accepted and done', ...ofRounds(rates.journal), unit: '/s' },
        { name: 'jobs of BullMQ', ...ofRounds(rates.bullmq), unit: '/s' },
        { name: "times BullMQ's", ...ofRounds(ratios), unit: '×', target: { atLeast: 5 } },
      ];
    } finally {
      await worker.close();
      await queue.close();
      await cluster.close();
    }
  },
};

async function jobsPerSecond({ accept, left }: Side): Promise<number> {
  const startMs = performance.now();
  const deadline = Deadline.after(withinMs);
  for (let accepted = 0; accepted < jobs; accepted += batch * batchesAtOnce)
    await Promise.all(Array.from({ length: Math.min(batchesAtOnce, (jobs - accepted) / batch) }, accept));
  while ((await left()) > 0) {
    deadline.check('doing all jobs');
    await sleep(5);
  }
  return jobs / ((performance.now() - startMs) / 1_000);
}
