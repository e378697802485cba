import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection, type Connection } from 'mysql2/promise';
import { type Playground, startPlayground, stopPlayground } from '../../playground/index.js';
import { freePorts } from '../../playground/ports.js';
import type { RoostConfig } from '../../process/index.js';
import { type ClusterConfigInput, clusterSchema } from '../clusterConfig.js';
import { connect, type Roost } from '../../sdk/index.js';
import { openTimelines, type TimelineService } from '../../timeline/index.js';
import { openUsers } from '../../users/index.js';
import { callRoost } from '../callRoost.js';
import type { Finished } from '../runRoost.js';
import { KillableServer, listeners } from '../support/killableServer.js';
import { canMoveClocks, makeClockLibrary, moveClock } from '../support/movedClock.js';
import { ReplicatedRedis } from '../support/replicatedRedis.js';
import { SlowProxy } from '../support/slowProxy.js';
import { LedgerGate } from '../moving/ledgerGate.js';
import { SmallDisk } from './smallDisk.js';

const prefix = 'roost-torture-';
const databaseHosts = 3;
const serverCount = 2;
/**
 * The servers' own account, of databases and of Redis: a database's root may write even if the database is read-only.
 */
export const account = 'roost';
const ports = [...listeners, 'timeline'] as const;
/** A database needs 180 MB. */
const diskBytes = { db3: 400 << 20, redis: 256 << 20 } as const;

type Disks = Partial<Record<keyof typeof diskBytes, SmallDisk>>;

/** One Redis, or a primary with two replicas, one of which confirms each write. */
export type JournalKind = 'alone' | 'replicated';

/** The connections of a client that go through a proxy. */
export type Ways = Readonly<Record<'flock' | 'tbird' | 'users' | 'timeline', SlowProxy>>;

/**
 * A cluster with its own databases, Redis, caches and servers. The connections of the first server, to its clients,
 * to Redis and to one database, may be delayed.
 */
export class TortureCluster {
  readonly redis: Redis;
  readonly #environments = new Map<KillableServer, NodeJS.ProcessEnv>();
  readonly #timelinePorts = new Map<KillableServer, number>();
  #secrets = 0;

  private constructor(
    readonly dir: string,
    readonly playground: Playground,
    /** The configuration of an operator, whose account no fault touches. */
    readonly config: RoostConfig,
    readonly configPath: string,
    readonly servers: readonly KillableServer[],
    readonly tools: TimelineService & { close(): Promise<void> },
    readonly proxies: { readonly redis: SlowProxy; readonly database: SlowProxy },
    /** Empty if this process may not mount. */
    readonly disks: Readonly<Disks>,
    /** Replaces the playground's Redis if the journal is replicated. */
    readonly replicated: ReplicatedRedis | undefined,
    readonly gate: LedgerGate,
  ) {
    this.redis = new Redis(playground.redis.port, playground.redis.host, { retryStrategy: () => 50 });
    this.redis.on('error', () => undefined);
  }

  static async start(journal: JournalKind): Promise<TortureCluster> {
    await stopOrphans();
    const dir = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
    if (canMoveClocks) process.env['LD_PRELOAD'] = makeClockLibrary(dir);
    const playground = await startPlayground({
      dir: join(dir, 'playground'),
      databaseHosts,
      redisServers: 3,
      caches: 2,
      redisFsync: 'always',
    });
    const disks: Disks = {};
    const replicated = journal === 'replicated' ? new ReplicatedRedis() : undefined;
    try {
      await equip(playground, disks);
      await replicated?.start();
      return await TortureCluster.#start(dir, playground, disks, replicated);
    } catch (error) {
      await replicated?.stop();
      await endPlayground(playground, disks);
      throw error;
    }
  }

  static async #start(
    dir: string,
    playground: Playground,
    disks: Disks,
    replicated: ReplicatedRedis | undefined,
  ): Promise<TortureCluster> {
    const written = JSON.parse(readFileSync(playground.configPath, 'utf8')) as ClusterConfigInput;
    const common: ClusterConfigInput = {
      ...written,
      ...(replicated === undefined ? {} : { redis: replicated.config, journal: { replicas: 1 } }),
      nameServer: { hosts: playground.databaseHosts.map(({ name }) => name) },
      cache: { tweets: true, graphs: true },
      timeline: { hosts: Object.fromEntries(playground.redisServers.slice(1).map((one, i) => [`tl${i + 1}`, one])) },
      jobs: { errorDelaySeconds: 0.3, errorLimit: 1_000_000, claimAfterSeconds: 2 },
      log: { level: process.env['ROOST_TEST_LOG'] === undefined ? 'silent' : 'error' },
    };
    const secretOf = (name: string): string => join(dir, `${name}.secret`);
    const serverConfig: ClusterConfigInput = {
      ...common,
      ...(replicated === undefined
        ? { redis: { ...written.redis, username: account, passwordFile: secretOf('redis') } }
        : {}),
      databaseHosts: Object.fromEntries(
        playground.databaseHosts.map(({ name, host, port }) => [
          name,
          { host, port, user: account, passwordFile: secretOf(name) },
        ]),
      ),
    };
    const [configPath, serverConfigPath] = ['operator.json', 'servers.json'].map((name) => join(dir, name)) as [
      string,
      string,
    ];
    writeFileSync(configPath, JSON.stringify(common));
    writeFileSync(serverConfigPath, JSON.stringify(serverConfig));
    const config = clusterSchema.parse(common);
    const tools = await setUp(config);
    const gate = new LedgerGate(config);
    await gate.install();
    const free = await freePorts(serverCount * ports.length);
    const servers = Array.from(
      { length: serverCount },
      (_, i) => new KillableServer(serverConfigPath, free.slice(i * ports.length, (i + 1) * ports.length)),
    );
    const proxies = {
      redis: await SlowProxy.open(playground.redis.port),
      database: await SlowProxy.open(playground.databaseHosts[1]!.port),
    };
    const cluster = new TortureCluster(
      dir,
      playground,
      config,
      configPath,
      servers,
      tools,
      proxies,
      disks,
      replicated,
      gate,
    );
    servers.forEach((server, i) => cluster.#timelinePorts.set(server, free[(i + 1) * ports.length - 1]!));
    cluster.#environments.set(servers[0]!, {
      ...(replicated === undefined ? { ROOST__REDIS__PORT: String(proxies.redis.port) } : {}),
      ROOST__DATABASE_HOSTS__DB2__PORT: String(proxies.database.port),
    });
    for (const { name } of playground.databaseHosts) {
      cluster.writeSecret(name);
      await cluster.letIn(name);
    }
    cluster.writeSecret('redis');
    await cluster.letIn('redis');
    await Promise.all(servers.map((server) => cluster.startServer(server)));
    return cluster;
  }

  async startServer(server: KillableServer, environment: NodeJS.ProcessEnv = {}): Promise<void> {
    await server.start({
      ROOST__SERVER__TIMELINE_PORT: String(this.#timelinePorts.get(server)),
      ...this.#environments.get(server),
      ...environment,
    });
  }

  /** Returns a client of some servers. It reaches the first server through `ways`, if given. */
  connect(servers: readonly KillableServer[], ways?: Ways): Promise<Roost> {
    const addresses = (name: keyof Ways): string[] =>
      servers.map((server) => {
        const port = name === 'timeline' ? this.#timelinePorts.get(server)! : server.ready[name].port;
        return `127.0.0.1:${ways !== undefined && server === this.servers[0] ? ways[name].port : port}`;
      });
    return connect({
      servers: addresses('flock'),
      tweetServers: addresses('tbird'),
      userServers: addresses('users'),
      timelineServers: addresses('timeline'),
    });
  }

  async openWays(): Promise<Ways> {
    const [first] = this.servers as [KillableServer];
    const open = (port: number): Promise<SlowProxy> => SlowProxy.open(port);
    return {
      flock: await open(first.ready.flock.port),
      tbird: await open(first.ready.tbird.port),
      users: await open(first.ready.users.port),
      timeline: await open(this.#timelinePorts.get(first)!),
    };
  }

  asRoot(name: string): Promise<Connection> {
    const { host, port, user, password } = this.playground.databaseHosts.find((one) => one.name === name)!;
    return createConnection({ host, port, user, password });
  }

  /**
   * Gives the servers a new password of a database or of the journal's Redis, which does not know the password yet.
   */
  writeSecret(name: string): void {
    writeFileSync(this.#secretPath(name), `secret${++this.#secrets}`);
  }

  /** Makes a database or the journal's Redis take the password that the servers have, or another. */
  async letIn(name: string, password = readFileSync(this.#secretPath(name), 'utf8')): Promise<void> {
    if (name === 'redis') {
      await this.redis.call('ACL', 'SETUSER', account, 'reset', 'on', `>${password}`, '~*', '&*', '+@all');
      return;
    }
    const root = await this.asRoot(name);
    await root.query(`CREATE USER IF NOT EXISTS ${account}@'127.0.0.1'`);
    await root.query(`ALTER USER ${account}@'127.0.0.1' IDENTIFIED BY '${password}'`);
    await root.query(`GRANT ALL PRIVILEGES ON *.* TO ${account}@'127.0.0.1'`);
    await root.query(`REVOKE READ_ONLY ADMIN, SUPER ON *.* FROM ${account}@'127.0.0.1'`);
    await root.end();
  }

  async restartRedis(): Promise<void> {
    await this.playground.restart('redis');
    // After a restart, Redis has forgotten its accounts.
    await this.letIn('redis');
  }

  roost(...args: string[]): Promise<Finished> {
    return callRoost([...args, '--json', '--config', this.configPath], '/');
  }

  async readiness(server: KillableServer): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const answer = await fetch(`http://127.0.0.1:${server.ready.admin.port}/readyz`, {
        signal: AbortSignal.timeout(5_000),
      });
      return { status: answer.status, text: await answer.text() };
    } catch (error) {
      return { status: 0, text: String(error) };
    }
  }

  get redisFolder(): string {
    return join(this.dir, 'playground', 'redis');
  }

  moveClock(name: 'redis' | 'db1', offsetMs: number): void {
    moveClock(join(this.dir, 'playground', name), offsetMs);
  }

  async stop(): Promise<void> {
    this.redis.disconnect();
    await this.tools.close();
    await Promise.all(this.servers.map((server) => server.kill()));
    await Promise.all(Object.values(this.proxies).map((proxy) => proxy.close()));
    await this.replicated?.stop();
    await endPlayground(this.playground, this.disks);
    delete process.env['LD_PRELOAD'];
    rmSync(this.dir, { recursive: true, force: true });
  }

  #secretPath(name: string): string {
    return join(this.dir, `${name}.secret`);
  }
}

/** Puts servers onto small disks, and gives some a clock of their own. */
async function equip(playground: Playground, disks: Disks): Promise<void> {
  for (const name of ['db1', 'db3', 'redis'] as const) {
    await playground.kill(name);
    const folder = join(playground.dir, name);
    if (name in diskBytes) {
      const disk = SmallDisk.mount(folder, diskBytes[name as keyof typeof diskBytes]);
      if (disk !== undefined) disks[name as keyof typeof diskBytes] = disk;
    }
    moveClock(folder, 0);
    await playground.restart(name);
  }
}

async function endPlayground(playground: Playground, disks: Disks): Promise<void> {
  await Promise.all(Object.keys(disks).map((name) => playground.kill(name).catch(() => undefined)));
  for (const { folder } of Object.values(disks)) SmallDisk.unmount(folder);
  await playground.stop();
}

/** Stops the servers of a killed run; the run's folder is named after its process. */
async function stopOrphans(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : NaN;
    if (!Number.isInteger(pid) || existsSync(`/proc/${pid}`)) continue;
    const dir = join(tmpdir(), name);
    for (const disk of Object.keys(diskBytes)) SmallDisk.unmount(join(dir, 'playground', disk));
    await stopPlayground(join(dir, 'playground')).catch(() => undefined);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function setUp(config: RoostConfig): Promise<TimelineService & { close(): Promise<void> }> {
  const tools = await openTimelines(config, { create: true });
  await tools.flock.createGraph('follows', { shards: 1, replicas: 2 });
  await tools.tbird.setup({
    graphShards: 1,
    policy: { windowMs: 30_000, aheadMs: 5_000, replicas: 2, stripes: 1 },
  });
  await tools.setup({ shards: 1, replicas: 2 });
  const users = await openUsers(config);
  await users.setup({ shards: 1, replicas: 2 });
  await users.close();
  return tools;
}
