import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection, type Connection } from 'mysql2/promise';
import { type Playground, startPlayground } from '../../playground/index.js';
import { freePorts } from '../../playground/ports.js';
import { configSchema, type RoostConfig, type RoostConfigInput } from '../../process/index.js';
import { connect, type Roost } from '../../sdk/index.js';
import { openTbird, type Tbird } from '../../tbird/index.js';
import { openUsers } from '../../users/index.js';
import { callRoost } from '../callRoost.js';
import type { Finished } from '../runRoost.js';
import { KillableServer, listeners } from '../support/killableServer.js';
import { SlowProxy } from '../support/slowProxy.js';

const databaseHosts = 3;
const serverCount = 2;
/** The servers' own account: the root of a database may write where it is read-only. */
const account = 'roost';
export const faketime = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib']
  .map((folder) => join(folder, 'faketime/libfaketimeMT.so.1'))
  .find(existsSync);

/** Databases, Redis, caches and servers of its own. The ways of the first server, to its clients, Redis and one database, may be held up. */
export class TortureCluster {
  readonly redis: Redis;
  password = 'first';
  readonly #environments = new Map<KillableServer, NodeJS.ProcessEnv>();

  private constructor(
    private readonly dir: string,
    readonly playground: Playground,
    /** That of an operator, whose account nothing happens to. */
    readonly config: RoostConfig,
    readonly configPath: string,
    private readonly serverConfigPath: string,
    readonly servers: readonly KillableServer[],
    readonly tools: Tbird,
    readonly proxies: { readonly redis: SlowProxy; readonly database: SlowProxy },
  ) {
    this.redis = new Redis(playground.redis.port, playground.redis.host, { retryStrategy: () => 50 });
    this.redis.on('error', () => undefined);
  }

  static async start(): Promise<TortureCluster> {
    const dir = mkdtempSync(join(tmpdir(), 'roost-torture-'));
    const playground = await startPlayground({
      dir: join(dir, 'playground'),
      databaseHosts,
      caches: 2,
      redisFsync: 'always',
    });
    const written = JSON.parse(readFileSync(playground.configPath, 'utf8')) as RoostConfigInput;
    const common: RoostConfigInput = {
      ...written,
      nameServer: { hosts: playground.databaseHosts.map(({ name }) => name) },
      cache: { tweets: true, graphs: true },
      jobs: { errorDelaySeconds: 0.3, errorLimit: 1_000_000, claimAfterSeconds: 2 },
      log: { level: 'error' },
    };
    const serverConfig: RoostConfigInput = {
      ...common,
      databaseHosts: Object.fromEntries(
        playground.databaseHosts.map(({ name, host, port }) => [
          name,
          { host, port, user: account, password: 'first' },
        ]),
      ),
    };
    const [configPath, serverConfigPath] = ['operator.json', 'servers.json'].map((name) => join(dir, name)) as [
      string,
      string,
    ];
    writeFileSync(configPath, JSON.stringify(common));
    writeFileSync(serverConfigPath, JSON.stringify(serverConfig));
    for (const host of playground.databaseHosts) {
      const root = await asRoot(host);
      await root.query(`CREATE USER ${account}@'127.0.0.1' IDENTIFIED BY 'first'`);
      await root.query(`GRANT ALL PRIVILEGES ON *.* TO ${account}@'127.0.0.1'`);
      await root.query(`REVOKE READ_ONLY ADMIN, SUPER ON *.* FROM ${account}@'127.0.0.1'`);
      await root.end();
    }
    const config = configSchema.parse(common);
    const tools = await openTbird(config, { create: true });
    await tools.flock.createGraph('follows', { shards: 1, replicas: 2 });
    await tools.setup({ graphShards: 1, policy: { windowMs: 30_000, aheadMs: 5_000, replicas: 2, stripes: 1 } });
    const users = await openUsers(config);
    await users.setup({ shards: 1, replicas: 2 });
    await users.close();
    const ports = await freePorts(serverCount * listeners.length);
    const servers = Array.from(
      { length: serverCount },
      (_, i) => new KillableServer(serverConfigPath, ports.slice(i * listeners.length, (i + 1) * listeners.length)),
    );
    const proxies = {
      redis: await SlowProxy.open(playground.redis.port),
      database: await SlowProxy.open(playground.databaseHosts[1]!.port),
    };
    const cluster = new TortureCluster(dir, playground, config, configPath, serverConfigPath, servers, tools, proxies);
    cluster.#environments.set(servers[0]!, {
      ROOST__REDIS__PORT: String(proxies.redis.port),
      ROOST__DATABASE_HOSTS__DB2__PORT: String(proxies.database.port),
    });
    await Promise.all(servers.map((server) => cluster.startServer(server)));
    return cluster;
  }

  async startServer(server: KillableServer, environment: NodeJS.ProcessEnv = {}): Promise<void> {
    await server.start({ ...this.#environments.get(server), ...environment });
  }

  /** A client of some servers. */
  connect(servers: readonly KillableServer[]): Promise<Roost> {
    const addresses = (name: 'flock' | 'tbird' | 'users'): string[] =>
      servers.map(({ ready }) => `127.0.0.1:${ready[name].port}`);
    return connect({ servers: addresses('flock'), tweetServers: addresses('tbird'), userServers: addresses('users') });
  }

  /** A client whose way to the servers leads through proxies. */
  async connectThrough(
    ways: Readonly<Record<'flock' | 'tbird' | 'users', SlowProxy>>,
    others: readonly KillableServer[],
  ): Promise<Roost> {
    const addresses = (name: 'flock' | 'tbird' | 'users'): string[] => [
      `127.0.0.1:${ways[name].port}`,
      ...others.map(({ ready }) => `127.0.0.1:${ready[name].port}`),
    ];
    return connect({ servers: addresses('flock'), tweetServers: addresses('tbird'), userServers: addresses('users') });
  }

  asRoot(name: string): Promise<Connection> {
    return asRoot(this.playground.databaseHosts.find((host) => host.name === name)!);
  }

  /** Tells the servers' account's password to servers that start from now on. */
  rememberPassword(name: string, password: string): void {
    const config = JSON.parse(readFileSync(this.serverConfigPath, 'utf8')) as {
      databaseHosts: Record<string, { password: string }>;
    };
    config.databaseHosts[name]!.password = password;
    writeFileSync(this.serverConfigPath, JSON.stringify(config));
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

  async stop(): Promise<void> {
    this.redis.disconnect();
    await this.tools.close();
    await Promise.all(this.servers.map((server) => server.kill()));
    await Promise.all(Object.values(this.proxies).map((proxy) => proxy.close()));
    await this.playground.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const asRoot = ({ host, port, user, password }: Playground['databaseHosts'][number]): Promise<Connection> =>
  createConnection({ host, port, user, password });
