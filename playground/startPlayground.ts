import { randomBytes } from 'node:crypto';
import { parseCount, RoostError } from '../core/index.js';
import type { RoostConfigInput } from '../process/index.js';
import { chooseSource } from './chooseSource.js';
import { createDriver } from './createDriver.js';
import type { ServerDriver, StartServerOptions } from './driver.js';
import { encryptionIn, prepareEncryption } from './encryption.js';
import { PlaygroundFolder } from './folder.js';
import { cachesMax, databaseHostsMax, lockWaitMs, redisServersMax } from './limits.js';
import { withLock } from './lock.js';
import { Playground } from './playground.js';
import { freePorts } from './ports.js';
import type { PlaygroundSource, PlaygroundState, RedisFsync, ServerKind, ServerState } from './state.js';
import { stopServers } from './stopPlayground.js';

export interface PlaygroundOptions {
  /**
   * The folder for everything that the playground writes. Created if absent; an existing folder must be empty, or
   * that of a playground.
   */
  readonly dir: string;
  /** 1 to 32; 2 when absent. */
  readonly databaseHosts?: number;
  /** 1 to 16; 1 when absent, 2 with `redisSections`. The first is the journal's. */
  readonly redisServers?: number;
  /** 0 to 64; 2 when absent. */
  readonly caches?: number;
  /** When the journal reaches the disk; `always` when absent. */
  readonly redisFsync?: RedisFsync;
  /** `auto` when absent: binaries, else containers, else installed packages. */
  readonly source?: PlaygroundSource | 'auto';
  /**
   * Whether every connection is encrypted, including those to our own servers, and clients show certificates; false
   * when absent. Servers from binaries only.
   */
  readonly tls?: boolean;
  /**
   * The stores whose services get a free port each, `server.<name>Port`, beside the manager, the job injector and the
   * admin pages. Absent: none.
   */
  readonly services?: readonly string[];
  /**
   * The sections of the configuration whose `hosts` are the Redis servers beside the journal's, for stores on Redis.
   * Absent: none.
   */
  readonly redisSections?: readonly string[];
  /**
   * Takes over a playground that runs in `dir`, and starts its stopped servers. Without `adopt`, a start is refused
   * if all servers run.
   */
  readonly adopt?: boolean;
  /** Called with each slow step (packages being installed, images being fetched), in words for people. */
  readonly onStep?: (step: string) => void;
}

/**
 * Starts private servers on free loopback ports, writes a configuration for them, and returns when all of them
 * answer.
 *
 * First cleans up what an earlier start left in `dir`; reuses data that a crash or `keepData` left. If some servers
 * of a playground run, starts the others. Throws `FailedPrecondition` if all servers run already (without `adopt`),
 * if `dir` holds something else, if servers are missing, and if a server does not start; then nothing is left
 * running.
 */
export async function startPlayground(options: PlaygroundOptions): Promise<Playground> {
  parseCount(options.databaseHosts ?? 2, 'databaseHosts', 1, databaseHostsMax);
  parseCount(options.redisServers ?? 1, 'redisServers', 1, redisServersMax);
  parseCount(options.caches ?? 2, 'caches', 0, cachesMax);
  const folder = new PlaygroundFolder(options.dir);
  folder.checkUsable();
  return withLock(folder.dir, lockWaitMs, async () => {
    folder.checkUsable();
    const previous = folder.readState();
    if (previous === undefined)
      return begin(folder, await chooseSource(options.source ?? 'auto', options.onStep ?? ignore), undefined, options);
    const driver = createDriver(previous.source, folder);
    const alive = await Promise.all(previous.servers.map((server) => driver.isAlive(server)));
    if (previous.phase === 'running' && alive.includes(true)) return adopt(folder, driver, previous, options);
    await stopServers(driver, previous, 0);
    return begin(folder, await chooseSource(previous.source, options.onStep ?? ignore), previous, options);
  });
}

const ignore = (): void => undefined;

async function begin(
  folder: PlaygroundFolder,
  source: PlaygroundSource,
  previous: PlaygroundState | undefined,
  options: PlaygroundOptions,
): Promise<Playground> {
  checkSame(folder, previous, { source: options.source === 'auto' ? undefined : options.source });
  const driver = createDriver(source, folder);
  const servers = planServers(previous, options);
  // The configuration also names ports of the Roost server, which nothing listens on yet.
  const services = ['manager', 'injector', 'admin', ...(options.services ?? [])];
  const ports = await freePorts(servers.length + services.length);
  for (const server of servers) server.port ||= ports.pop() as number;
  const state: PlaygroundState = {
    format: 1,
    source,
    phase: 'starting',
    redisFsync: options.redisFsync ?? previous?.redisFsync ?? 'always',
    ...((options.tls ?? previous?.tls) === true ? { tls: true } : {}),
    password: previous?.password ?? randomBytes(12).toString('hex'),
    serverVersion: previous?.serverVersion,
    servers,
  };
  folder.writeState(state);
  try {
    if (state.tls === true) {
      if (source === 'containers')
        throw new RoostError('FailedPrecondition', 'only servers from binaries are encrypted: use `--source binaries`');
      await prepareEncryption(folder.certificates);
    }
    await startServers(driver, state, {
      mayMove: true,
      save: () => folder.writeState(state),
      onStep: options.onStep ?? ignore,
    });
    const server = Object.fromEntries(services.map((name, i) => [`${name}Port`, ports[i]!]));
    folder.writeConfig(configFor(state, server, options.redisSections ?? [], folder.certificates));
    state.phase = 'running';
    folder.writeState(state);
  } catch (error) {
    await undo(driver, folder, state, previous !== undefined);
    throw RoostError.from(error);
  }
  return new Playground(folder, state);
}

/**
 * Starts the dead servers of a running playground. Refuses if all servers run, unless the playground may be adopted:
 * another process may be using it.
 */
async function adopt(
  folder: PlaygroundFolder,
  driver: ServerDriver,
  state: PlaygroundState,
  options: PlaygroundOptions,
): Promise<Playground> {
  const dead: ServerState[] = [];
  for (const server of state.servers) if (!(await driver.isAlive(server))) dead.push(server);
  if (options.adopt !== true && dead.length === 0) {
    throw new RoostError(
      'FailedPrecondition',
      `a playground already runs in ${folder.dir}: stop it first (\`--keep-data\` keeps what it holds), or choose another folder`,
      {
        fields: { dir: folder.dir },
      },
    );
  }
  const { databaseHosts, redisServers, caches, redisFsync } = options;
  checkSame(folder, state, {
    databaseHosts,
    redisServers,
    caches,
    redisFsync,
    source: options.source === 'auto' ? undefined : options.source,
  });
  const start = { mayMove: false, save: () => folder.writeState(state), onStep: options.onStep ?? ignore };
  await Promise.all(dead.map((server) => driver.start(state, server, start)));
  folder.writeState(state);
  return new Playground(folder, state);
}

/**
 * Databases wait for their data folders; other servers start at once. All attempts have finished when this returns or
 * throws.
 */
async function startServers(driver: ServerDriver, state: PlaygroundState, options: StartServerOptions): Promise<void> {
  const prepared = driver.prepareDatabases(state);
  const attempts = await Promise.allSettled([
    prepared,
    ...state.servers.map(async (server) => {
      if (server.kind === 'mysql') await prepared;
      await driver.start(state, server, options);
    }),
  ]);
  const failed = attempts.find((attempt) => attempt.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Undoes a failed start, keeping only the data that were there before it. */
async function undo(
  driver: ServerDriver,
  folder: PlaygroundFolder,
  state: PlaygroundState,
  keepData: boolean,
): Promise<void> {
  await stopServers(driver, state, keepData ? 10_000 : 0);
  if (keepData) return folder.writeState({ ...state, phase: 'stopped' });
  await driver.removeData();
  folder.removeEverything();
}

const hasSections = ({ redisSections = [] }: PlaygroundOptions): boolean => redisSections.length > 0;

/** The wanted servers, each at its earlier address; port 0 stands for a port still to be chosen. */
function planServers(previous: PlaygroundState | undefined, options: PlaygroundOptions): ServerState[] {
  const hadBefore = (kind: ServerKind): number | undefined =>
    previous?.servers.filter((server) => server.kind === kind).length;
  const plan = (name: string, kind: ServerKind): ServerState => {
    const before = previous?.servers.find((server) => server.name === name);
    return {
      name,
      kind,
      host: before?.host ?? '127.0.0.1',
      port: before?.port ?? 0,
      ...(before?.containerId === undefined ? {} : { containerId: before.containerId }),
    };
  };
  const numbered = (prefix: string, kind: ServerKind, count: number): ServerState[] =>
    Array.from({ length: count }, (_, index) => plan(`${prefix}${index + 1}`, kind));
  const redisServers = options.redisServers ?? hadBefore('redis') ?? (hasSections(options) ? 2 : 1);
  return [
    ...numbered('db', 'mysql', options.databaseHosts ?? hadBefore('mysql') ?? 2),
    plan('redis', 'redis'),
    ...numbered('redis', 'redis', redisServers).slice(1),
    ...numbered('cache', 'memcached', options.caches ?? hadBefore('memcached') ?? 2),
  ];
}

function checkSame(
  folder: PlaygroundFolder,
  previous: PlaygroundState | undefined,
  wanted: {
    databaseHosts?: number | undefined;
    redisServers?: number | undefined;
    caches?: number | undefined;
    redisFsync?: RedisFsync | undefined;
    source?: PlaygroundSource | undefined;
  },
): void {
  if (previous === undefined) return;
  const count = (kind: ServerKind): number => previous.servers.filter((server) => server.kind === kind).length;
  const is = {
    databaseHosts: count('mysql'),
    redisServers: count('redis'),
    caches: count('memcached'),
    redisFsync: previous.redisFsync,
    source: previous.source,
  };
  for (const name of ['databaseHosts', 'redisServers', 'caches', 'redisFsync', 'source'] as const) {
    if (wanted[name] === undefined || wanted[name] === is[name]) continue;
    throw new RoostError(
      'FailedPrecondition',
      `the playground in ${folder.dir} has ${name} ${is[name]}, not ${wanted[name]}: stop it first, or choose another folder`,
      {
        fields: { dir: folder.dir, option: name },
      },
    );
  }
}

function configFor(
  state: PlaygroundState,
  server: RoostConfigInput['server'],
  redisSections: readonly string[],
  certificates: string,
): RoostConfigInput {
  const { caFile, server: certificate, client } = encryptionIn(certificates);
  const encrypted = state.tls === true ? { tls: { caFile, ...client } } : {};
  const { servers, password } = state;
  const databases = servers.filter(({ kind }) => kind === 'mysql');
  const [redis, ...more] = servers.filter(({ kind }) => kind === 'redis') as [ServerState, ...ServerState[]];
  const hosts = Object.fromEntries(more.map(({ name, host, port }) => [name, { host, port, ...encrypted }]));
  return {
    databaseHosts: Object.fromEntries(
      databases.map(({ name, host, port, socketPath }) => [
        name,
        // Connections through a socket are not encrypted.
        { host, port, ...(state.tls === true ? {} : { socketPath }), user: 'root', password, ...encrypted },
      ]),
    ),
    nameServer: { hosts: ['db1'] },
    redis: { host: redis.host, port: redis.port, ...encrypted },
    memcached: servers.filter(({ kind }) => kind === 'memcached').map(({ host, port }) => `${host}:${port}`),
    ...(state.tls === true ? { cache: encrypted, tls: { caFile, ...certificate, clientCaFile: caFile } } : {}),
    server,
    ...Object.fromEntries(redisSections.map((section) => [section, { hosts }])),
  };
}
