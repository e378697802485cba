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
  /** Holds everything that the playground writes. Created when absent; otherwise empty, or that of a playground. */
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
  /** Whether every connection is encrypted, those to our own servers too, and clients show certificates; false when absent. Servers from binaries only. */
  readonly tls?: boolean;
  /** The services that get a free port each, `server.<name>Port`, beside the manager, the job injector and the admin pages: stores' names. Absent: none. */
  readonly services?: readonly string[];
  /** The sections of the configuration whose `hosts` are the Redis servers beside the journal's: those of stores that live on Redis. Absent: none. */
  readonly redisSections?: readonly string[];
  /** Takes over a playground that runs in `dir`, starting those of its servers that do not, where otherwise the start is refused. */
  readonly adopt?: boolean;
  /** Told of what takes long (packages being installed, images being fetched), in words for a person. */
  readonly onStep?: (step: string) => void;
}

/**
 * Starts private servers on free loopback ports, writes a configuration for them, and returns when all of them answer.
 *
 * What an earlier start left behind in `dir` is cleaned up first; data that a crash or `keepData` left is taken up again.
 * Of a playground of which some servers run, the others are started. Throws `FailedPrecondition` where all of it runs already (without `adopt`), where `dir` holds something else, where
 * servers are missing, and where one does not start; then nothing is left running.
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
  // The configuration names ports of the server too, which nothing listens on yet.
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

/** Starts what is dead of a playground that runs. Refused where all of it runs, unless it may be adopted: somebody else may work with it. */
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

/** Databases wait for their data folders; the others do not wait for them. All have ended their attempt when this returns or throws. */
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

/** Leaves nothing of a start that failed, but the data that were there before it. */
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

/** The servers wanted, each where it was before; port 0 stands for one yet to be chosen. */
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
        // Through a socket nothing is encrypted.
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
