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

/** The first start of a database in a container makes its data. */
const readyWithinMs = 120_000;
const portAttempts = 5;
const label = 'roostdb.playground';

interface ContainerKind {
  /** Names the image to use in place of the default. */
  readonly imageVariable: string;
  readonly image: string;
  readonly port: number;
  readonly environment: (state: PlaygroundState) => string[];
  /** What follows the image's own entry point. */
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
 * Servers that are containers, with their data in the container, on fixed ports of the host, so that one that was killed comes back
 * where it was. They carry the playground's folder as a label, by which a later process finds those that a killed starter left.
 */
export class ContainerServers implements ServerDriver {
  readonly source = 'containers';
  readonly #pulls = new Map<string, Promise<void>>();
  #engine: Promise<ContainerEngine> | undefined;

  constructor(private readonly folder: PlaygroundFolder) {}

  /** The images make their own. */
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
        // Docker's words, and those of the kernel that some of its versions pass on.
        const portTaken = /port is already allocated|address already in use/i.test(String((error as Error).message));
        if (!portTaken || attempt === portAttempts) throw RoostError.from(error);
      }
      // One from an earlier start holds data, and a container cannot change its port.
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
    // A container that is paused does not hear the signal to end.
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

  /** Once for all servers of one image. */
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
