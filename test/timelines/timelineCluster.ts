import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../../core/index.js';
import type { Gizzard } from '../../gizzard/index.js';
import { startPlayground, type Playground } from '../../playground/index.js';
import type { RoostConfig } from '../../process/index.js';
import { type ClusterConfigInput, clusterSchema } from '../clusterConfig.js';
import { openTimelines, type TimelineService } from '../../timeline/index.js';

const quietWithinMs = 60_000;

/** Timelines on servers of their own: the Redis servers redis2, redis3, … are the hosts tl1, tl2, … */
export class TimelineCluster {
  private constructor(
    private readonly dir: string,
    readonly playground: Playground,
    readonly config: RoostConfig,
    readonly service: TimelineService & { close(): Promise<void> },
  ) {}

  static async start({
    keep,
    hosts = 2,
    usedHosts = hosts,
    shards = 4,
  }: {
    readonly keep: number;
    readonly hosts?: number;
    readonly usedHosts?: number;
    readonly shards?: number;
  }): Promise<TimelineCluster> {
    const dir = mkdtempSync(join(tmpdir(), 'roost-timelines-'));
    const playground = await startPlayground({
      dir: join(dir, 'p'),
      databaseHosts: 1,
      redisServers: 1 + hosts,
      caches: 1,
    });
    const given = JSON.parse(readFileSync(playground.configPath, 'utf8')) as ClusterConfigInput;
    const names = Array.from({ length: hosts }, (_, i) => `tl${i + 1}`);
    const config = clusterSchema.parse({
      ...given,
      timeline: {
        hosts: Object.fromEntries(names.map((name, i) => [name, playground.redisServers[i + 1]!])),
        keep,
        trimPast: Math.ceil(keep * 1.2),
      },
      cache: { tweets: true, graphs: true, deadlineMs: 1_000 },
      nameServer: { ...given.nameServer, reloadSeconds: 0.1 },
      jobs: { ...given.jobs, errorDelaySeconds: 0.1 },
      log: { level: 'silent' },
    } satisfies ClusterConfigInput);
    const service = await openTimelines(config, { work: true, create: true });
    for (const name of ['follows', 'blocks', 'retweets_off'])
      await service.flock.createGraph(name, { shards: 2, replicas: 1 });
    await service.tbird.setup({ policy: { replicas: 1 }, graphShards: 2 });
    await service.setup({ shards, replicas: 2, hosts: names.slice(0, usedHosts) });
    return new TimelineCluster(dir, playground, config, service);
  }

  async stop(): Promise<void> {
    await this.service.close();
    await this.playground.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Waits until all jobs, and the jobs that these bring about, are applied. */
export async function untilQuiet({ jobs }: Gizzard, withinMs = quietWithinMs): Promise<void> {
  const deadline = Deadline.after(withinMs);
  // A job may pass from one queue to another between two polls.
  for (let looks = 0; looks < 3;) {
    const { queued, failing, bad } = await jobs.status();
    if (bad > 0) throw new Error(`${bad} jobs were given up`);
    looks = queued.high + queued.medium + queued.low + failing === 0 ? looks + 1 : 0;
    deadline.check('applying all jobs');
    await sleep(5);
  }
}
