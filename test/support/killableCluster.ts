import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { Deadline, inParallel } from '../../core/index.js';
import { DatabaseHosts } from '../../mysql/index.js';
import { type Playground, type RedisFsync, startPlayground } from '../../playground/index.js';
import { freePorts } from '../../playground/ports.js';
import { type RoostConfig, silentLog } from '../../process/index.js';
import { type ClusterConfigInput, clusterSchema } from '../clusterConfig.js';
import { connect, type Roost } from '../../sdk/index.js';
import { KillableServer, listeners } from './killableServer.js';

export interface KillableClusterOptions {
  readonly databaseHosts: number;
  readonly servers: number;
  /** The values that replace the playground's in the configuration. */
  readonly overrides?: Partial<ClusterConfigInput> | ((playground: Playground) => Partial<ClusterConfigInput>);
  /** The number of Redis servers. Absent: the journal's alone. */
  readonly redisServers?: number;
  /** When the journal reaches the disk; absent: `always`. */
  readonly redisFsync?: RedisFsync;
  /** Cache nodes; absent: none. */
  readonly caches?: number;
  /** The command line that serves; absent: this release's. */
  readonly main?: string;
  /** Creates everything that must exist when the servers start. */
  readonly setUp: (config: RoostConfig) => Promise<void>;
}

/** Databases, Redis and servers of a test's own: each is a process, and any may be killed. */
export class KillableCluster {
  private constructor(
    private readonly dir: string,
    readonly playground: Playground,
    readonly config: RoostConfig,
    readonly configPath: string,
    readonly servers: readonly KillableServer[],
  ) {}

  static async start({
    databaseHosts,
    servers,
    overrides,
    redisServers = 1,
    redisFsync = 'always',
    caches = 0,
    main,
    setUp,
  }: KillableClusterOptions): Promise<KillableCluster> {
    const dir = mkdtempSync(join(tmpdir(), 'roost-killable-'));
    const playground = await startPlayground({
      dir: join(dir, 'playground'),
      databaseHosts,
      caches,
      redisServers,
      redisFsync,
    });
    const written = JSON.parse(readFileSync(playground.configPath, 'utf8')) as ClusterConfigInput;
    // Another server soon takes over the work in flight on a dead server, and a host may be away for long.
    const changed: ClusterConfigInput = {
      ...written,
      jobs: { errorDelaySeconds: 0.3, errorLimit: 1_000_000, claimAfterSeconds: 2 },
      log: { level: 'silent' },
      ...(typeof overrides === 'function' ? overrides(playground) : overrides),
    };
    const configPath = join(dir, 'roost.config.json');
    writeFileSync(configPath, JSON.stringify(changed));
    const config = clusterSchema.parse(changed);
    const ports = await freePorts(servers * listeners.length);
    const processes = Array.from(
      { length: servers },
      (_, i) => new KillableServer(configPath, ports.slice(i * listeners.length, (i + 1) * listeners.length), main),
    );
    const cluster = new KillableCluster(dir, playground, config, configPath, processes);
    try {
      await setUp(config);
      await Promise.all(processes.map((server) => server.start()));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Returns a client of all servers, which finds the servers again after a crash. */
  connect(): Promise<Roost> {
    const addresses = (name: 'flock' | 'tbird'): string[] =>
      this.servers.map(({ ready }) => `127.0.0.1:${ready[name].port}`);
    return connect({ servers: addresses('flock'), tweetServers: addresses('tbird') });
  }

  async restartServer(server = this.servers[0]!, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    await server.kill(signal);
    await server.start();
  }

  /** Gives the cluster another set of its database hosts, and restarts one server after the other. */
  async useHosts(names: readonly string[]): Promise<void> {
    writeFileSync(
      this.configPath,
      JSON.stringify({
        ...this.config,
        databaseHosts: Object.fromEntries(names.map((name) => [name, this.config.databaseHosts[name]])),
      }),
    );
    for (const server of this.servers) await this.restartServer(server, 'SIGTERM');
  }

  async restartRedis(): Promise<void> {
    await this.playground.kill('redis');
    await this.playground.restart('redis');
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
    await this.playground.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /**
   * Checks that every table that matches a pattern holds the same rows on the first two hosts. `order` gives each row
   * one place.
   */
  async expectIdenticalReplicas({
    like = '%',
    order,
    tables: [least, most],
  }: {
    readonly like?: string;
    readonly order: string;
    readonly tables: readonly [number, number];
  }): Promise<void> {
    const hosts = new DatabaseHosts(this.config, silentLog);
    try {
      const [first, second] = [hosts.host('db1'), hosts.host('db2')];
      const tables = await first.rows(
        'SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE ?',
        [this.config.cluster, like],
        Deadline.after(5_000),
      );
      expect(tables.length).toBeGreaterThanOrEqual(least);
      expect(tables.length).toBeLessThanOrEqual(most);
      for (const [table] of tables) {
        const read = async (host: typeof first): Promise<string> =>
          (
            await host.rows(
              `SELECT * FROM \`${this.config.cluster}\`.\`${String(table)}\` ORDER BY ${order}`,
              [],
              Deadline.after(10_000),
            )
          ).join('\n');
        expect((await read(first)) === (await read(second)), `${String(table)} is the same on both hosts`).toBe(true);
      }
    } finally {
      await hosts.close();
    }
  }
}

/** Repeats work that fails, for as long as a cluster may take to heal. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Deadline.after(90_000);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (deadline.passed) throw error;
      await sleep(100);
    }
  }
}

/**
 * Runs the parts of a load, several at once, and repeats each until it is acknowledged. `fault` runs when a third of
 * the parts are acknowledged.
 */
export async function loadWithFault(
  parts: readonly (() => Promise<unknown>)[],
  fault: () => Promise<void>,
): Promise<void> {
  let acknowledged = 0;
  let faulted: Promise<void> | undefined;
  await inParallel(parts, 4, async (part) => {
    await patiently(part);
    if (++acknowledged >= parts.length / 3) faulted ??= fault();
  });
  await faulted;
}

/** Waits until every acknowledged write is on every replica. */
export async function untilApplied(roost: Roost): Promise<void> {
  const left = async (): Promise<unknown> => {
    const { queued, failing, bad } = await roost.journal();
    return { waiting: queued.high + queued.medium + queued.low + failing, bad };
  };
  await expect.poll(() => patiently(left), { timeout: 90_000, interval: 100 }).toEqual({ waiting: 0, bad: 0 });
}
