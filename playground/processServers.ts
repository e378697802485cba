import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError } from '../core/index.js';
import { findBinaries, programsOf, requireBinaries, type Binaries } from './binaries.js';
import type { ServerDriver, StartServerOptions } from './driver.js';
import type { PlaygroundFolder } from './folder.js';
import { clientOptions, encryptionIn } from './encryption.js';
import { memcachedArguments } from './memcachedServer.js';
import { hasMysqlData, initializeMysqlData, mysqlArguments } from './mysqlServer.js';
import { notStarted } from './notStarted.js';
import { freePort } from './ports.js';
import { probeMemcached, probeMysql, probeRedis } from './probes.js';
import {
  endProcess,
  findProcessesIn,
  identify,
  isAlive,
  pauseProcess,
  sendSignal,
  waitForExit,
  type ProcessIdentity,
} from './processes.js';
import { redisArguments } from './redisServer.js';
import type { PlaygroundState, ServerState } from './state.js';

/** A killed database replays its log first, which takes longer than a clean start. */
const readyWithinMs = 60_000;
const portAttempts = 20;
const sweepRounds = 10;

/** Servers as processes of this machine, in sessions of their own, so that they outlive their starter. */
export class ProcessServers implements ServerDriver {
  readonly source = 'binaries';

  #binaries: Binaries | undefined;

  constructor(private readonly folder: PlaygroundFolder) {}

  async prepareDatabases(state: PlaygroundState): Promise<void> {
    const folders = state.servers.filter(({ kind }) => kind === 'mysql').map(({ name }) => this.#makeFolder(name));
    const empty = folders.filter((folder) => !hasMysqlData(folder));
    if (empty.length < folders.length) this.#checkFamily(state);
    if (empty.length > 0) await initializeMysqlData(this.#require().mysql, join(this.folder.dir, 'template'), empty);
  }

  async start(state: PlaygroundState, server: ServerState, options: StartServerOptions): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const logFrom = sizeOf(this.folder.logPath(server.name));
      const started = this.#spawn(state, server);
      if (started !== undefined) {
        server.process = started;
        options.save();
        if (await this.#becomesReady(state, server, started)) return;
        await endProcess(started, 0);
      }
      const log = readFileSync(this.folder.logPath(server.name)).subarray(logFrom).toString('utf8');
      if (!/address already in use/i.test(log) || attempt === portAttempts) throw notStarted(server, log);
      if (options.mayMove) server.port = await freePort();
      else await sleep(250);
    }
  }

  isAlive(server: ServerState): Promise<boolean> {
    return Promise.resolve(server.process !== undefined && isAlive(server.process));
  }

  async kill(server: ServerState): Promise<void> {
    await endProcess(this.#running(server), 0);
  }

  async pause(server: ServerState): Promise<void> {
    await pauseProcess(this.#running(server));
  }

  resume(server: ServerState): Promise<void> {
    sendSignal(this.#running(server), 'SIGCONT');
    return Promise.resolve();
  }

  async stop(server: ServerState, graceMs: number): Promise<void> {
    if (server.process !== undefined) await endProcess(server.process, graceMs);
  }

  async sweep(): Promise<void> {
    const binaries = findBinaries();
    if ('missing' in binaries) return;
    const programs = programsOf(binaries);
    // A script that creates data may start another server before it is ended.
    for (let round = 0; round < sweepRounds; round++) {
      const left = findProcessesIn(this.folder.dir, programs);
      if (left.length === 0) return;
      await Promise.all(left.map((process) => endProcess(process, 0)));
    }
  }

  removeData(): Promise<void> {
    return Promise.resolve();
  }

  /** Undefined if the process exited at once. */
  #spawn(state: PlaygroundState, server: ServerState): ProcessIdentity | undefined {
    const cwd = this.#makeFolder(server.name);
    const [command, args] = this.#commandLine(state, server);
    const log = openSync(this.folder.logPath(server.name), 'a', 0o600);
    try {
      const child = spawn(command, args, { cwd, detached: true, stdio: ['ignore', log, log] });
      child.on('error', () => undefined);
      child.unref();
      if (child.pid === undefined)
        throw new RoostError('FailedPrecondition', `cannot run ${command}`, { fields: { server: server.name } });
      return identify(child.pid);
    } finally {
      closeSync(log);
    }
  }

  #commandLine(state: PlaygroundState, server: ServerState): [string, string[]] {
    const { port } = server;
    const folder = this.folder.serverFolder(server.name);
    const encryption = state.tls === true ? encryptionIn(this.folder.certificates) : undefined;
    if (server.kind === 'redis')
      return [this.#require().redis, redisArguments({ folder, port, fsync: state.redisFsync, encryption })];
    if (server.kind === 'memcached') return [this.#require().memcached, memcachedArguments(port, encryption)];
    const socketPath = join(this.folder.socketFolder(server.name), 'mysql.sock');
    // A socket that a killed server left looks like a server that answers.
    if (existsSync(socketPath)) rmSync(socketPath);
    server.socketPath = socketPath;
    const { mysql } = this.#require();
    return [mysql.server, mysqlArguments(mysql, { folder, socketPath, port, password: state.password, encryption })];
  }

  /**
   * False if the process exited before it answered. Throws `FailedPrecondition` if the process neither answers nor
   * exits in time.
   */
  async #becomesReady(state: PlaygroundState, server: ServerState, started: ProcessIdentity): Promise<boolean> {
    const endMs = performance.now() + readyWithinMs;
    let lastError: unknown;
    while (isAlive(started)) {
      if (performance.now() >= endMs) {
        await endProcess(started, 0);
        throw notStarted(server, readFileSync(this.folder.logPath(server.name), 'utf8'), lastError);
      }
      try {
        if (await answers(state, server, started, this.folder.certificates)) return true;
      } catch (error) {
        lastError = error;
      }
      await waitForExit(started, 25);
    }
    return false;
  }

  /** Neither family reads the other's data, and an attempt corrupts the data. */
  #checkFamily(state: PlaygroundState): void {
    const { family, server } = this.#require().mysql;
    const made = state.serverVersion?.startsWith('MySQL') === true ? 'mysql' : 'mariadb';
    if (state.serverVersion === undefined || made === family) return;
    throw new RoostError(
      'FailedPrecondition',
      `the data in ${this.folder.dir} were made by ${state.serverVersion}, which ${server} cannot read`,
      {
        fields: { dir: this.folder.dir },
      },
    );
  }

  #makeFolder(name: string): string {
    const folder = this.folder.serverFolder(name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  /** Found once, and only if a server is started: reading and stopping need no binaries. */
  #require(): Binaries {
    return (this.#binaries ??= requireBinaries());
  }

  #running(server: ServerState): ProcessIdentity {
    if (server.process !== undefined && isAlive(server.process)) return server.process;
    throw new RoostError('FailedPrecondition', `${server.name} is not running`, { fields: { server: server.name } });
  }
}

/**
 * Whether the answer comes from this process: another may have taken the port. A database proves its identity by the
 * password.
 */
async function answers(
  state: PlaygroundState,
  server: ServerState,
  started: ProcessIdentity,
  certificates: string,
): Promise<boolean> {
  const tls = state.tls === true ? clientOptions(encryptionIn(certificates)) : undefined;
  if (server.kind === 'redis') return (await probeRedis(server, tls)) === started.pid;
  if (server.kind === 'memcached') return (await probeMemcached(server, tls)) === started.pid;
  state.serverVersion = await probeMysql(server, state.password, tls);
  return true;
}

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);
