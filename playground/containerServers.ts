import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError } from '../core/index.js';
import { ContainerEngine, engineStatus, type Container } from './containerEngine.js';
import type { ServerDriver, StartServerOptions } from './driver.js';
import type { PlaygroundFolder } from './folder.js';
import { logTailLines, notStarted } from './notStarted.js';
import { memcachedSettings } from './memcachedServer.js';
import { mysqlSettings } from './mysqlServer.js';
import { freePort } from './ports.js';
import { probeMemcached, probeMysql, probeRedis } from './probes.js';
import { redisSettings } from './redisServer.js';
import type { PlaygroundState, ServerKind, ServerState } from './state.js';

/** A database creates its data at its first start in a container. */
const readyWithinMs = 120_000;
const portAttempts = 5;
const label = 'roostdb.playground';

interface ContainerKind {
  /** The variable that names an image to use instead of the default. */
  readonly imageVariable: string;
  readonly image: string;
  readonly port: number;
  readonly environment: (state: PlaygroundState) => string[];
  /** The arguments of the image's own entry point. */
  readonly command: (state: PlaygroundState) => string[];
}

const containerKinds: Readonly<Record<ServerKind, ContainerKind>> = {
  mysql: {
    imageVariable: 'ROOST_MYSQL_IMAGE',
    image: 'mysql:8.4',
    port: 3306,
    environment: (state) => [`MYSQL_ROOT_PASSWORD=${state.password}`],
    command: () => mysqlSettings('mysql'),
  },
  redis: {
    imageVariable: 'ROOST_REDIS_IMAGE',
    image: 'redis:7.4',
    port: 6379,
    environment: () => [],
    // Calls come from the engine's network, which protected mode refuses. The port is published on loopback only.
    command: (state) => ['redis-server', '--protected-mode', 'no', ...redisSettings(state.redisFsync)],
  },
  memcached: {
    imageVariable: 'ROOST_MEMCACHED_IMAGE',
    image: 'memcached:1.6',
    port: 11211,
    environment: () => [],
    command: () => ['memcached', ...memcachedSettings],
  },
};

/**
 * Servers in containers, with their data in the container, on fixed ports of the host, so that a killed server comes
 * back at its old address. A label holds the playground's folder, so that a later process finds the containers that a
 * killed starter left.
 */
export class ContainerServers implements ServerDriver {
  readonly source = 'containers';
  readonly #pulls = new Map<string, Promise<void>>();
  #engine: Promise<ContainerEngine> | undefined;

  constructor(private readonly folder: PlaygroundFolder) {}

  /** The images create their own data. */
  prepareDatabases(): Promise<void> {
    return Promise.resolve();
  }

  async start(state: PlaygroundState, server: ServerState, options: StartServerOptions): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const known = await this.#find(server);
      const container = known ?? (await this.#create(state, server, options));
      try {
        await container.start();
        return await this.#waitReady(state, server, container);
      } catch (error) {
        // Docker's message, and the kernel's message that some versions of Docker pass on.
        const portTaken = /port is already allocated|address already in use/i.test(String((error as Error).message));
        if (!portTaken || attempt === portAttempts) throw RoostError.from(error);
      }
      // A container from an earlier start holds data, and its port cannot change.
      if (options.mayMove && known === undefined) {
        await container.remove({ force: true, v: true });
        delete server.containerId;
        server.port = await freePort();
      } else await sleep(250);
    }
  }

  async isAlive(server: ServerState): Promise<boolean> {
    const container = await this.#find(server);
    return container !== undefined && (await container.inspect()).State.Running;
  }

  async kill(server: ServerState): Promise<void> {
    const container = await this.#running(server);
    await container.kill({ signal: 'SIGKILL' });
    await container.wait();
  }

  async pause(server: ServerState): Promise<void> {
    await (await this.#running(server)).pause();
  }

  async resume(server: ServerState): Promise<void> {
    await (await this.#running(server)).unpause();
  }

  async stop(server: ServerState, graceMs: number): Promise<void> {
    const container = await this.#find(server);
    if (container === undefined) return;
    const { State } = await container.inspect();
    if (!State.Running) return;
    // A paused container does not receive the stop signal.
    if (State.Paused) await container.unpause();
    await container.stop({ t: Math.ceil(graceMs / 1000) });
  }

  async sweep(state: PlaygroundState): Promise<void> {
    const known = new Set(state.servers.map(({ containerId }) => containerId));
    await this.#remove((id) => !known.has(id));
  }

  async removeData(): Promise<void> {
    await this.#remove(() => true);
  }

  async #create(state: PlaygroundState, server: ServerState, options: StartServerOptions): Promise<Container> {
    const engine = await this.#require();
    const kind = containerKinds[server.kind];
    const image = process.env[kind.imageVariable] ?? kind.image;
    await this.#pull(engine, image, options);
    const { host, publishAt } = engine.addresses;
    server.host = host;
    const digest = createHash('sha256').update(this.folder.dir).digest('hex').slice(0, 12);
    const container = await engine.create({
      name: `roost-${digest}-${server.name}`,
      Image: image,
      Env: kind.environment(state),
      Cmd: kind.command(state),
      Labels: { [label]: this.folder.dir },
      ExposedPorts: { [`${kind.port}/tcp`]: {} },
      HostConfig: { PortBindings: { [`${kind.port}/tcp`]: [{ HostIp: publishAt, HostPort: String(server.port) }] } },
    });
    server.containerId = container.id;
    options.save();
    return container;
  }

  /** Pulls an image once for all its servers. */
  #pull(engine: ContainerEngine, image: string, options: StartServerOptions): Promise<void> {
    const begun = this.#pulls.get(image);
    if (begun !== undefined) return begun;
    options.onStep(`fetching the image ${image}`);
    const pull = engine.pull(image);
    this.#pulls.set(image, pull);
    return pull;
  }

  async #waitReady(state: PlaygroundState, server: ServerState, container: Container): Promise<void> {
    const endMs = performance.now() + readyWithinMs;
    let lastError: unknown;
    while (performance.now() < endMs && (await container.inspect()).State.Running) {
      try {
        if (server.kind === 'redis') await probeRedis(server);
        else if (server.kind === 'memcached') await probeMemcached(server);
        else state.serverVersion = await probeMysql(server, state.password);
        return;
      } catch (error) {
        lastError = error;
      }
      await sleep(50);
    }
    // The engine puts eight bytes before each piece: which stream, and how long.
    const log = (await container.logs({ stdout: true, stderr: true, tail: logTailLines }))
      .toString('utf8')
      .replace(/[\0-\x02]\0{3}.{4}/gs, '');
    throw notStarted(server, log, lastError);
  }

  async #find(server: ServerState): Promise<Container | undefined> {
    if (server.containerId === undefined) return undefined;
    const container = (await this.#require()).get(server.containerId);
    try {
      await container.inspect();
      return container;
    } catch (error) {
      if (engineStatus(error) === 404) return undefined;
      throw RoostError.from(error);
    }
  }

  async #running(server: ServerState): Promise<Container> {
    const container = await this.#find(server);
    if (container !== undefined && (await container.inspect()).State.Running) return container;
    throw new RoostError('FailedPrecondition', `${server.name} is not running`, { fields: { server: server.name } });
  }

  async #remove(which: (id: string) => boolean): Promise<void> {
    const engine = await this.#require();
    const ids = (await engine.find(`${label}=${this.folder.dir}`)).filter(which);
    await Promise.all(ids.map((id) => engine.get(id).remove({ force: true, v: true })));
  }

  #require(): Promise<ContainerEngine> {
    return (this.#engine ??= ContainerEngine.require());
  }
}
