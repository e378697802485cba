import { once } from 'node:events';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { openCluster } from '../cluster/index.js';
import { limits, RoostError } from '../core/index.js';
import { type Flock, flockStore } from '../flock/index.js';
import {
  clockFaults,
  clockFaultText,
  laggingHostText,
  type Gizzard,
  unknownHosts,
  unknownHostText,
  unknownJobsText,
  type SendJobs,
} from '../gizzard/index.js';
import { type ConfigOverride, createLog, type Log, Metrics } from '../process/index.js';
import {
  AdminServer,
  flockProcessor,
  injectorProcessor,
  managerProcessor,
  tbirdProcessor,
  ThriftServer,
  type ThriftService,
  usersProcessor,
  watchEventLoop,
} from '../server/index.js';
import { Injectors } from '../sdk/index.js';
import { tbirdStore } from '../tbird/index.js';
import { usersStore } from '../users/index.js';
import type { CliIo } from './console/cliIo.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  integerArgument,
  openConfig,
  outputFor,
} from './console/command.js';
import { packageVersion } from './console/packageVersion.js';
import type { ServerReady } from './serverReady.js';

interface ServeOptions extends ConfigOptions {
  readonly host?: string;
  readonly flockPort?: number;
  readonly managerPort?: number;
  readonly injectorPort?: number;
  readonly tbirdPort?: number;
  readonly usersPort?: number;
  readonly adminPort?: number;
  readonly logLevel?: string;
}

export function addServeCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'serve',
    'run a server, until SIGTERM or Ctrl-C\nIt serves graphs, tweets, users, the manager and the job injector over Thrift, works on the journal, and answers on the admin port: /healthz, /readyz, /metrics, /server_info.',
    'roost serve --flock-port 7915',
  )
    .addOption(configOption())
    .option('--host <host>', 'the address to listen on (overrides server.host)')
    .option(
      '--flock-port <port>',
      'the Thrift port, 0 for a free one (overrides server.flockPort)',
      integerArgument(0, 65_535),
    )
    .option(
      '--manager-port <port>',
      "the port of Gizzard's manager, 0 for a free one (overrides server.managerPort)",
      integerArgument(0, 65_535),
    )
    .option(
      '--injector-port <port>',
      'the port of the job injector, 0 for a free one (overrides server.injectorPort)',
      integerArgument(0, 65_535),
    )
    .option(
      '--tbird-port <port>',
      'the port of tweets, 0 for a free one (overrides server.tbirdPort)',
      integerArgument(0, 65_535),
    )
    .option(
      '--users-port <port>',
      'the port of users, 0 for a free one (overrides server.usersPort)',
      integerArgument(0, 65_535),
    )
    .option(
      '--admin-port <port>',
      'the admin port, 0 for a free one (overrides server.adminPort)',
      integerArgument(0, 65_535),
    )
    .option('--log-level <level>', 'silent, error, warn, info or debug (overrides log.level)')
    .action((options: ServeOptions) => serve(io, options));
}

async function serve(io: CliIo, options: ServeOptions): Promise<void> {
  const { config } = openConfig(io, options, overridesOf(options));
  const log = createLog(config.log.level, io.stderr);
  const metrics = new Metrics();
  const {
    host,
    flockPort,
    managerPort,
    injectorPort,
    tbirdPort,
    usersPort,
    adminPort,
    connections,
    connectionsPerAddress,
  } = config.server;
  const closing: (() => Promise<void>)[] = [outliveRejections(log, metrics)];
  const endWatch = watchEventLoop(metrics);
  closing.push(async () => endWatch());
  try {
    const injectors = new Injectors();
    closing.push(() => injectors.close());
    const sendJobs: SendJobs = (remote, jobs, deadline) =>
      injectors.inject({ host: remote.hostname, port: remote.port }, jobs, { replicated: true, deadline });
    const cluster = await openCluster(config, [flockStore, tbirdStore, usersStore], {
      log,
      metrics,
      work: true,
      create: true,
      sendJobs,
    });
    closing.push(() => cluster.close());
    const { gizzard } = cluster;
    const { flock, tbird, users } = cluster.stores;
    const listen = async (
      service: 'flock' | 'manager' | 'injector' | 'tbird' | 'users',
      port: number,
      processor: ThriftService,
    ): Promise<{ readonly host: string; readonly port: number }> => {
      const server = await ThriftServer.listen({
        service,
        host,
        port,
        processor,
        metrics,
        log,
        limits: { connections, connectionsPerAddress, requestBytes: limits[`${service}RequestBytes`] },
      });
      closing.push(() => server.close());
      return { host, port: server.port };
    };
    const ports = { flockPort, tbirdPort, usersPort };
    const serverInfo = () => ({ cluster: config.cluster, version: packageVersion(), ...ports });
    // Graphs come last: a client that has reached them is told the ports of the others.
    const tbirdAt = await listen('tbird', tbirdPort, tbirdProcessor(tbird, { metrics, log, info: serverInfo }));
    ports.tbirdPort = tbirdAt.port;
    const usersAt = await listen('users', usersPort, usersProcessor(users, { metrics, log, info: serverInfo }));
    ports.usersPort = usersAt.port;
    const flockAt = await listen('flock', flockPort, flockProcessor(flock, { metrics, log, info: serverInfo }));
    ports.flockPort = flockAt.port;
    const ready: Omit<ServerReady, 'admin'> = {
      pid: process.pid,
      cluster: config.cluster,
      flock: flockAt,
      manager: await listen('manager', managerPort, managerProcessor(gizzard, { metrics, log })),
      injector: await listen('injector', injectorPort, injectorProcessor(flock, { metrics, log })),
      tbird: tbirdAt,
      users: usersAt,
    };
    const info = () => ({
      ...ready,
      version: packageVersion(),
      node: process.version,
      topologyVersion: gizzard.topology.version,
      graphs: flock.graphs(),
    });
    const admin = await AdminServer.listen({
      host,
      port: adminPort,
      metrics,
      info,
      notReady: () => whyNotReady(flock),
      notes: () => notesOf(gizzard),
    });
    closing.push(() => admin.close());
    gizzard.servers.describe({
      machine: hostname(),
      pid: process.pid,
      version: packageVersion(),
      host,
      flockPort: ready.flock.port,
      managerPort: ready.manager.port,
      injectorPort: ready.injector.port,
      tbirdPort: ready.tbird.port,
      usersPort: ready.users.port,
      adminPort: admin.port,
    });
    outputFor(io, options).result(
      { ...ready, admin: { host, port: admin.port } } satisfies ServerReady,
      () =>
        `serving cluster ${config.cluster}: flock on ${host}:${ready.flock.port}, manager on ${host}:${ready.manager.port}, injector on ${host}:${ready.injector.port}, tweets on ${host}:${ready.tbird.port}, users on ${host}:${ready.users.port}, admin on http://${host}:${admin.port}`,
    );
    if (!io.signal.aborted) await once(io.signal, 'abort');
    log.info({ signal: io.signal.reason as string }, 'stopping');
  } finally {
    // Requests end before the workers do, and the workers before the connections that they use.
    for (const close of closing.reverse()) await close();
  }
}

/** The last line of defence: a rejection that nobody waits for is a fault in Roost, but no reason to end every other call with it. Returns how to end this. */
function outliveRejections(log: Log, metrics: Metrics): () => Promise<void> {
  const unhandled = metrics.counter(
    'roost_unhandled_rejections_total',
    'Failures that no code waited for; each is a fault in Roost',
  );
  const outlive = (reason: unknown): void => {
    unhandled.inc();
    log.error({ err: RoostError.from(reason) }, 'a failure that no code waited for: this is a fault in Roost');
  };
  process.on('unhandledRejection', outlive);
  return async () => void process.off('unhandledRejection', outlive);
}

/** A server that cannot journal cannot write, and one whose topology is stale may soon read from the wrong place. */
async function whyNotReady(flock: Flock): Promise<string | undefined> {
  const stale = flock.gizzard.nameServer.lastReloadError;
  if (stale !== undefined) return `the topology is not fresh: ${stale.message}`;
  const { hosts, topology, servers } = flock.gizzard;
  const unknown = unknownHosts(hosts, topology);
  if (unknown.length > 0) return unknownHostText(servers.name, unknown);
  const { refused } = flock.gizzard.jobs.guard;
  if (refused !== undefined) return refused.message;
  return flock.journal().then(
    () => undefined,
    (error: unknown) => `the journal does not answer: ${error instanceof Error ? error.message : String(error)}`,
  );
}

/** What is wrong with the cluster while this server can do its work. */
async function notesOf({ hosts, jobs }: Gizzard): Promise<string[]> {
  const lagging = [...(await jobs.laggingHosts()).map(laggingHostText), ...(await jobs.unknown()).map(unknownJobsText)];
  // Against a clock that is wrong itself, all others seem to be.
  if (jobs.guard.refused !== undefined) return lagging;
  return [...lagging, ...(await clockFaults(hosts, hosts.names, () => jobs.journal.nowMs())).map(clockFaultText)];
}

function overridesOf({
  host,
  flockPort,
  managerPort,
  injectorPort,
  tbirdPort,
  usersPort,
  adminPort,
  logLevel,
}: ServeOptions): ConfigOverride[] {
  const given = [
    { path: ['server', 'host'], value: host, source: '--host' },
    { path: ['server', 'flockPort'], value: flockPort, source: '--flock-port' },
    { path: ['server', 'managerPort'], value: managerPort, source: '--manager-port' },
    { path: ['server', 'injectorPort'], value: injectorPort, source: '--injector-port' },
    { path: ['server', 'tbirdPort'], value: tbirdPort, source: '--tbird-port' },
    { path: ['server', 'usersPort'], value: usersPort, source: '--users-port' },
    { path: ['server', 'adminPort'], value: adminPort, source: '--admin-port' },
    { path: ['log', 'level'], value: logLevel, source: '--log-level' },
  ];
  return given.filter(({ value }) => value !== undefined);
}
