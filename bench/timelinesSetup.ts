import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../core/index.js';
import type { Gizzard } from '../gizzard/index.js';
import { startPlayground } from '../playground/index.js';
import type { RoostConfig } from '../process/index.js';
import { type ClusterConfigInput, clusterSchema } from '../test/clusterConfig.js';
import { openTimelines, type TimelineService } from '../timeline/index.js';

const deadlineMs = 120_000;
const storesAtOnce = 2_000;
const edgesPerWrite = 5_000;

/** Timelines on a private cluster, with this process as its server. */
export interface BenchTimelines {
  readonly config: RoostConfig;
  readonly service: TimelineService;
  follow(readers: BigInt64Array, author: bigint): Promise<void>;
  /** Makes empty home timelines. */
  begin(readers: BigInt64Array): Promise<void>;
}

/** Runs `work` on a cluster with two Redis servers for timelines beside the journal's, which syncs every write, and two caches. */
export async function withTimelines<T>(work: (timelines: BenchTimelines) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'roost-bench-'));
  const playground = await startPlayground({
    dir: join(dir, 'playground'),
    databaseHosts: 1,
    redisServers: 3,
    caches: 2,
    redisFsync: 'always',
  });
  try {
    const [, tl1, tl2] = playground.redisServers;
    const given = JSON.parse(readFileSync(playground.configPath, 'utf8')) as ClusterConfigInput;
    const config = clusterSchema.parse({
      ...given,
      timeline: { hosts: { tl1: tl1!, tl2: tl2! } },
      cache: { tweets: true, graphs: true, deadlineMs: 1_000 },
      log: { level: 'silent' },
    } satisfies ClusterConfigInput);
    const service = await openTimelines(config, { work: true, create: true });
    try {
      await service.flock.createGraph('follows', { shards: 2, replicas: 1 });
      await service.tbird.setup({ policy: { replicas: 1 }, graphShards: 2 });
      await service.setup({ shards: 4, replicas: 2 });
      return await work({
        config,
        service,
        async follow(readers, author) {
          for (let from = 0; from < readers.length; from += edgesPerWrite) {
            const sourceIds = readers.subarray(from, from + edgesPerWrite);
            await service.flock.write(
              {
                graphId: service.flock.graph('follows').id,
                operations: 'add',
                sourceIds,
                destinationIds: new BigInt64Array(sourceIds.length).fill(author),
              },
              { acknowledgment: 'materialized', deadlineMs },
            );
          }
        },
        async begin(readers) {
          for (let from = 0; from < readers.length; from += storesAtOnce)
            await Promise.all(
              Array.from(readers.subarray(from, from + storesAtOnce), (id) =>
                service.timelines.store(`home:${id}`, [], { acknowledgment: 'journaled', deadlineMs }),
              ),
            );
          await untilQuiet(service.gizzard);
        },
      });
    } finally {
      await service.close();
    }
  } finally {
    await playground.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Waits until all jobs, with those that they bring about, are applied. */
export async function untilQuiet({ jobs }: Gizzard): Promise<void> {
  const deadline = Deadline.after(deadlineMs);
  // A job may pass from one queue to another between two looks.
  for (let looks = 0; looks < 2;) {
    const { queued, failing, bad } = await jobs.status();
    if (failing + bad > 0) throw new Error(`${failing} jobs are failing and ${bad} were given up`);
    looks = queued.high + queued.medium + queued.low === 0 ? looks + 1 : 0;
    deadline.check('applying all jobs');
    await sleep(3);
  }
}
