import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCluster, serveCluster } from '../cluster/index.js';
import { Deadline } from '../core/index.js';
import type { Gizzard } from '../gizzard/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import type { RoostConfig } from '../process/index.js';
import { connect, type Roost } from '../sdk/index.js';
import { type ClusterConfigInput, clusterSchema } from '../test/clusterConfig.js';
import { timelineStore, type TimelineService } from '../timeline/index.js';
import { routingKeyOf } from '../timeline/names.js';
import { timelinesTableId } from '../timeline/timelineShards.js';

const deadlineMs = 120_000;
/** Each is stored on two servers, which take 4,096 calls at once. */
const storesAtOnce = 1_000;
const edgesPerWrite = 5_000;

/** Timelines on a private cluster, with this process as its server. */
export interface BenchTimelines {
  readonly config: RoostConfig;
  readonly playground: Playground;
  readonly service: TimelineService;
  /** A client of this process's server. */
  readonly roost: Roost;
  follow(readers: BigInt64Array, author: bigint): Promise<void>;
  /** Creates empty home timelines without the journal. */
  begin(readers: BigInt64Array): Promise<void>;
}

/**
 * Runs `work` on a cluster with two caches, two Redis servers for timelines, and the journal's Redis, which syncs
 * every write.
 */
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
      server: Object.fromEntries(
        ['timeline', 'tbird', 'flock', 'manager', 'injector', 'admin'].map((name) => [`${name}Port`, 0]),
      ),
      timeline: { hosts: { tl1: tl1!, tl2: tl2! } },
      cache: { tweets: true, graphs: true, deadlineMs: 1_000 },
      jobs: { ...given.jobs, errorDelaySeconds: 0.1 },
      log: { level: 'silent' },
    } satisfies ClusterConfigInput);
    const cluster = await openCluster(config, [timelineStore], { work: true, create: true });
    const service = cluster.stores.timeline;
    const served = await serveCluster(cluster, { version: 'bench' });
    const roost = await connect(`127.0.0.1:${served.stores['flock']!.port}`);
    try {
      await service.flock.createGraph('follows', { shards: 2, replicas: 1 });
      await service.tbird.setup({ policy: { replicas: 1 }, graphShards: 2 });
      await service.setup({ shards: 4, replicas: 2 });
      return await work({
        config,
        playground,
        service,
        roost,
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
              Array.from(readers.subarray(from, from + storesAtOnce), (id) => beginHome(service, `home:${id}`)),
            );
        },
      });
    } finally {
      await roost.close();
      await served.close();
      await cluster.close();
    }
  } finally {
    await playground.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function beginHome({ gizzard, timelines }: TimelineService, name: string): Promise<void> {
  const { leaves } = gizzard.topology.route(timelinesTableId, routingKeyOf(name));
  await Promise.all(leaves.map((leaf) => timelines.listsAt(leaf, Deadline.after(deadlineMs)).store(name, [])));
}

/** Waits until all jobs, and the jobs that they cause, are applied. */
export async function untilQuiet({ jobs }: Gizzard): Promise<void> {
  const deadline = Deadline.after(deadlineMs);
  // A job may move from one queue to another between two readings.
  for (let looks = 0; looks < 2;) {
    const { queued, failing, bad } = await jobs.status();
    if (bad > 0) throw new Error(`${bad} jobs were given up`);
    // A delivery that comes before its tweet is tried again.
    looks = queued.high + queued.medium + queued.low + failing === 0 ? looks + 1 : 0;
    deadline.check('applying all jobs');
    await sleep(3);
  }
}
