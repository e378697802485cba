import { isRoostError, RoostError, type Address } from '../core/index.js';
import { createDriver } from './createDriver.js';
import type { ServerDriver } from './driver.js';
import type { PlaygroundFolder } from './folder.js';
import { lockWaitMs } from './limits.js';
import { withLock } from './lock.js';
import type { PlaygroundSource, PlaygroundState, ServerKind, ServerState } from './state.js';
import { stopPlayground, type StopOptions } from './stopPlayground.js';

export interface PlaygroundDatabaseHost extends Address {
  /** db1, db2, … */
  readonly name: string;
  /** Absent if the database runs in a container. */
  readonly socketPath?: string;
  readonly user: string;
  readonly password: string;
}

/** A database writes its pages out before it stops. */
const restartGraceMs = 30_000;

/**
 * A running playground. Servers are named db1, db2, …, redis, redis2, …, cache1, cache2, … They outlive this process;
 * `stop` or `stopPlayground` stops them.
 */
export class Playground {
  readonly dir: string;
  readonly source: PlaygroundSource;
  /** The database version, such as "MariaDB 10.11.19" or "MySQL 8.4.3". */
  readonly serverVersion: string;
  readonly databaseHosts: readonly PlaygroundDatabaseHost[];
  /** The journal's Redis. */
  readonly redis: Address;
  /** All Redis servers, the journal's first. */
  readonly redisServers: readonly Address[];
  readonly memcached: readonly Address[];
  /** The configuration file that fits these servers. */
  readonly configPath: string;

  readonly #folder: PlaygroundFolder;

  constructor(folder: PlaygroundFolder, state: PlaygroundState) {
    this.#folder = folder;
    this.dir = folder.dir;
    this.source = state.source;
    this.serverVersion = state.serverVersion ?? 'unknown';
    this.databaseHosts = ofKind(state, 'mysql').map(({ name, host, port, socketPath }) => ({
      name,
      host,
      port,
      ...(socketPath === undefined ? {} : { socketPath }),
      user: 'root',
      password: state.password,
    }));
    const addresses = (kind: ServerKind): Address[] => ofKind(state, kind).map(({ host, port }) => ({ host, port }));
    this.redisServers = addresses('redis');
    this.redis = this.redisServers[0]!;
    this.memcached = addresses('memcached');
    this.configPath = folder.configPath;
  }

  /**
   * Ends a server as a crash does (SIGKILL). Returns once the server is gone. Throws `FailedPrecondition` if it is
   * not running.
   */
  kill(serverName: string): Promise<void> {
    return this.#act(serverName, (driver, server) => driver.kill(server));
  }

  /** Stops the server from answering while its connections stay open (SIGSTOP). */
  pause(serverName: string): Promise<void> {
    return this.#act(serverName, (driver, server) => driver.pause(server));
  }

  resume(serverName: string): Promise<void> {
    return this.#act(serverName, (driver, server) => driver.resume(server));
  }

  /**
   * Restarts a server on the same port and data; a server that still runs is stopped cleanly first. Returns once the
   * server answers.
   */
  restart(serverName: string): Promise<void> {
    return withLock(this.dir, lockWaitMs, () =>
      this.#act(serverName, async (driver, server, state) => {
        await driver.stop(server, restartGraceMs);
        await driver.start(state, server, {
          mayMove: false,
          save: () => this.#folder.writeState(state),
          onStep: () => undefined,
        });
        this.#folder.writeState(state);
      }),
    );
  }

  /** Stops every server and removes all data. Does nothing if the playground is already stopped. */
  async stop(options: StopOptions = {}): Promise<void> {
    try {
      await stopPlayground(this.dir, options);
    } catch (error) {
      if (!isRoostError(error, 'NotFound')) throw error;
    }
  }

  async #act(
    serverName: string,
    action: (driver: ServerDriver, server: ServerState, state: PlaygroundState) => Promise<void>,
  ): Promise<void> {
    // Read again, not kept from construction: another process may have restarted the server since.
    const state = this.#folder.readState();
    if (state === undefined)
      throw new RoostError('FailedPrecondition', `the playground in ${this.dir} is stopped`, {
        fields: { dir: this.dir },
      });
    const server = state.servers.find(({ name }) => name === serverName);
    if (server !== undefined) return action(createDriver(state.source, this.#folder), server, state);
    const names = state.servers.map(({ name }) => name).join(', ');
    throw new RoostError('InvalidArgument', `no server ${JSON.stringify(serverName)}: the playground has ${names}`, {
      fields: { server: serverName },
    });
  }
}

const ofKind = (state: PlaygroundState, kind: ServerKind): ServerState[] =>
  state.servers.filter((server) => server.kind === kind);
