import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePorts } from '../../playground/ports.js';
import { redisArguments } from '../../playground/redisServer.js';
import { moveClock } from './movedClock.js';

const name = 'journal';
const host = '127.0.0.1';
const readyWithinMs = 60_000;

/**
 * Three Redis servers, with one primary, and three Sentinels that promote another server within about two seconds of
 * the primary's death.
 */
export class ReplicatedRedis {
  readonly #dir = mkdtempSync(join(tmpdir(), 'roost-replicated-'));
  readonly #processes = new Map<number, ChildProcess>();
  #servers: readonly number[] = [];
  #sentinels: readonly number[] = [];

  get servers(): readonly number[] {
    return this.#servers;
  }

  /** For `redis` in the configuration. */
  get config(): { readonly sentinels: string[]; readonly sentinelName: string } {
    return { sentinels: this.#sentinels.map((port) => `${host}:${port}`), sentinelName: name };
  }

  async start(): Promise<void> {
    const ports = await freePorts(6);
    this.#servers = ports.slice(0, 3);
    this.#sentinels = ports.slice(3);
    const [primary] = this.#servers as [number];
    for (const port of this.#servers) this.startServer(port, port === primary ? undefined : primary);
    await until('two replicas', () => hasReplicas(primary, 2));
    for (const port of this.#sentinels) {
      const file = join(this.#dir, `sentinel-${port}.conf`);
      writeFileSync(
        file,
        [
          `port ${port}`,
          `bind ${host}`,
          `dir ${this.#dir}`,
          `sentinel monitor ${name} ${host} ${primary} 2`,
          `sentinel down-after-milliseconds ${name} 1000`,
          `sentinel failover-timeout ${name} 2000`,
          `sentinel parallel-syncs ${name} 2`,
          '',
        ].join('\n'),
      );
      this.#spawn(port, 'redis-sentinel', [file]);
    }
    await until('three Sentinels that know each other and the replicas', async () => {
      const seen = await Promise.all(this.#sentinels.map((port) => ask(port, 'SENTINEL', 'MASTER', name)));
      return seen.every((answer) => {
        const [sentinels, replicas] = ['num-other-sentinels', 'num-slaves'].map((key) =>
          Number((answer as string[])[(answer as string[]).indexOf(key) + 1]),
        );
        return sentinels === 2 && replicas === 2;
      });
    });
  }

  /** Starts a server on its port, with what its folder holds. */
  startServer(port: number, replicaOf?: number): void {
    const folder = this.#folder(port);
    mkdirSync(folder, { recursive: true });
    this.moveClock(port, 0);
    this.#spawn(
      port,
      'redis-server',
      [
        ...redisArguments({ folder, port, fsync: 'always' }),
        ...['--repl-diskless-sync-delay', '0'],
        ...['--min-replicas-to-write', '1'],
        ...(replicaOf === undefined ? [] : ['--replicaof', `${host} ${replicaOf}`]),
      ],
      folder,
    );
  }

  /** Requires that the library of `movedClock.ts` was in this process's `LD_PRELOAD` when the server started. */
  moveClock(port: number, offsetMs: number): void {
    moveClock(this.#folder(port), offsetMs);
  }

  /** Makes the Sentinels promote a replica although the primary is well. */
  async failOver(): Promise<void> {
    await ask(this.#sentinels[0]!, 'SENTINEL', 'FAILOVER', name);
  }

  /** The port of the primary that the Sentinels name. */
  async primary(): Promise<number> {
    const [, port] = (await ask(this.#sentinels[0]!, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as string[];
    return Number(port);
  }

  /**
   * Starts a killed server as a replica of the present primary, and waits until everything is as before the kill, for
   * the Sentinels too. A server that is back before the Sentinels have promoted another starts as the primary that it
   * was.
   */
  async rejoin(port: number): Promise<void> {
    const primary = await this.primary();
    this.startServer(port, primary === port ? undefined : primary);
    await this.settled();
  }

  /** Waits until the Sentinels see one primary with two replicas. */
  async settled(): Promise<void> {
    await until('Sentinels that see two replicas', async () => {
      // The primary may have changed meanwhile: a late Sentinel names the old primary.
      if (!(await hasReplicas(await this.primary(), 2))) return false;
      const seen = await Promise.all(this.#sentinels.map((sentinel) => ask(sentinel, 'SENTINEL', 'REPLICAS', name)));
      return seen.every((answer) => {
        const flags = (answer as string[][]).map((fields) => fields[fields.indexOf('flags') + 1]);
        return flags.length === 2 && flags.every((flag) => flag === 'slave');
      });
    });
  }

  async kill(port: number): Promise<void> {
    const process = this.#processes.get(port);
    if (process === undefined) return;
    this.#processes.delete(port);
    if (process.exitCode !== null || process.signalCode !== null) return;
    process.kill('SIGKILL');
    await once(process, 'exit');
  }

  /** Stops a server from answering while its connections stay open. */
  pause(port: number): void {
    this.#processes.get(port)?.kill('SIGSTOP');
  }

  resume(port: number): void {
    this.#processes.get(port)?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((port) => this.kill(port)));
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #folder(port: number): string {
    return join(this.#dir, `redis-${port}`);
  }

  #spawn(port: number, command: string, args: readonly string[], cwd = this.#dir): void {
    this.#processes.set(port, spawn(command, args, { stdio: 'ignore', cwd }));
  }
}

async function ask(port: number, command: string, ...args: readonly string[]): Promise<unknown> {
  const redis = new Redis(port, host, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await redis.call(command, ...args);
  } finally {
    redis.disconnect();
  }
}

async function hasReplicas(port: number, count: number): Promise<boolean> {
  const info = String(await ask(port, 'INFO', 'replication'));
  return info.includes('role:master') && (info.match(/state=online/g) ?? []).length >= count;
}

/** Waits for a state of servers that may not answer yet. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const givenUpAt = performance.now() + readyWithinMs;
  for (;;) {
    if (await holds().catch(() => false)) return;
    if (performance.now() > givenUpAt) throw new Error(`waited in vain for ${what}`);
    await sleep(50);
  }
}
