import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServerProcess, stopServerProcess } from '../cli/serverProcess.js';
import { Deadline } from '../core/index.js';
import { openFlock } from '../flock/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import type { RoostConfig } from '../process/index.js';
import { clusterSchema } from '../test/clusterConfig.js';
import { connect, type Roost } from '../sdk/index.js';
import type { BenchCluster, ClusterBenchmark } from './benchmark.js';
import { leaveLastCore } from './cores.js';

const materializeWithinMs = 120_000;

/** Runs `work` on a private cluster with some database hosts, one Redis that syncs every write, two caches, and one server. */
export async function withCluster<T>(
  {
    databaseHosts = 1,
    config: more,
    pinned = false,
    turns = false,
    traced = false,
  }: Pick<ClusterBenchmark, 'databaseHosts' | 'config' | 'pinned' | 'turns' | 'traced'>,
  work: (cluster: BenchCluster) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'roost-bench-'));
  const unpin = pinned ? leaveLastCore() : () => undefined;
  let playground: Playground | undefined;
  try {
    playground = await startPlayground({
      dir: join(dir, 'playground'),
      databaseHosts,
      caches: 2,
      redisFsync: 'always',
    });
    process.stderr.write(`measured on ${playground.serverVersion}\n`);
    const written = { ...(JSON.parse(readFileSync(playground.configPath, 'utf8')) as object), ...more };
    const config = clusterSchema.parse(written);
    const configPath = join(dir, 'roost.config.json');
    const profilePath = join(dir, 'profile.json');
    const turnsPath = join(dir, 'turns');
    writeFileSync(configPath, JSON.stringify(written), { mode: 0o600 });
    const imports = ['profiled.js', ...(turns ? ['turnCosts.js'] : []), ...(traced ? ['traced.js'] : [])];
    const ready = await startServerProcess(dir, configPath, {
      ...process.env,
      NODE_OPTIONS: imports.map((file) => `--import ${new URL(file, import.meta.url).href}`).join(' '),
      ROOST_BENCH_PROFILE: profilePath,
      ROOST_BENCH_TURNS: turnsPath,
    });
    const roost = await connect({
      servers: [`${ready.flock.host}:${ready.flock.port}`],
      tweetServers: [`${ready.tbird.host}:${ready.tbird.port}`],
      userServers: [`${ready.users.host}:${ready.users.port}`],
    });
    try {
      return await work({ config, roost, ready, server: { pid: ready.pid, profilePath, turnsPath } });
    } finally {
      await roost.close();
    }
  } finally {
    await stopServerProcess(dir);
    await playground?.stop();
    rmSync(dir, { recursive: true, force: true });
    unpin();
  }
}

/**
 * Creates a graph with one replica, on all hosts if none are named, and waits until the server knows it. Returns the
 * graph's name.
 */
export async function makeGraph(
  config: RoostConfig,
  name: string,
  shards: number,
  hosts = Object.keys(config.databaseHosts),
): Promise<string> {
  const flock = await openFlock(config, { create: true });
  try {
    await flock.createGraph(name, { shards, replicas: 1, hosts });
  } finally {
    await flock.close();
  }
  await sleep(config.nameServer.reloadSeconds * 1000 + 500);
  return name;
}

/** Waits until every journaled write has been applied. */
export async function untilMaterialized(roost: Roost): Promise<void> {
  const deadline = Deadline.after(materializeWithinMs);
  for (;;) {
    const { queued, failing, bad } = await roost.journal();
    if (failing + bad > 0) throw new Error(`${failing} jobs are failing and ${bad} were given up`);
    if (queued.high + queued.medium + queued.low === 0) return;
    deadline.check('materializing a load');
    await sleep(5);
  }
}
