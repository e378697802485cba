import { once } from 'node:events';
import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import {
  openCluster,
  processesOf,
  serveCluster,
  type ServedCluster,
  serveProcesses,
  shareOfProcess,
  type Store,
} from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import { Dashboard } from '../dashboard/index.js';
import type { SendJobs } from '../gizzard/index.js';
import {
  type ConfigOverride,
  createLog,
  type Log,
  Metrics,
  registeredOpenTelemetry,
  type RoostConfig,
} from '../process/index.js';
import { Injectors } from '../sdk/index.js';
import { ParentLink, watchEventLoop } from '../server/index.js';
import type { CliIo } from './console/cliIo.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  integerArgument,
  openConfig,
  outputFor,
} from './console/command.js';
import { EndWith } from './console/exitCodes.js';
import { ownTls } from './console/ownTls.js';
import { remoteToken } from './console/ownToken.js';
import { packageVersion } from './console/packageVersion.js';

export function addServeCommand(program: Command, io: CliIo): void {
  const served = io.stores.flatMap(({ service }) => (service === undefined ? [] : [service.title]));
  const command = defineCommand(
    program,
    'serve',
    `run a server, until SIGTERM or Ctrl-C\nIt serves ${served.join(', ')}, the manager and the job injector over Thrift, works on the journal, and answers on the admin port: the dashboard (/), /healthz, /readyz, /metrics, /server_info. With several processes, SIGHUP replaces them one after the other; no request fails for it.`,
    'roost serve --flock-port 7915',
  )
    .addOption(configOption())
    .option('--host <host>', 'the address to listen on (overrides server.host)');
  for (const { name, of } of portsOf(io.stores))
    command.addOption(
      new Option(
        `--${name}-port <port>`,
        `the port of ${of}, 0 for a free one (overrides server.${name}Port)`,
      ).argParser(integerArgument(0, 65_535)),
    );
  command
    .addOption(
      new Option(
        '--processes <count>',
        'processes that share the ports: 1 alone, or as many as there are cores (overrides server.processes)',
      ).argParser(integerArgument(1, 256)),
    )
    .option('--log-level <level>', 'silent, error, warn, info or debug (overrides log.level)')
    .action((options: ServeOptions) => serve(io, options));
}

/** The values of the options: a port is under its name in camelCase. */
type ServeOptions = ConfigOptions & Readonly<Record<string, string | number | undefined>>;

const portsOf = (stores: readonly Store[]): readonly { readonly name: string; readonly of: string }[] => [
  ...stores.flatMap(({ name, service }) => (service === undefined ? [] : [{ name, of: service.title }])),
  { name: 'manager', of: "Gizzard's manager" },
  { name: 'injector', of: 'the job injector' },
  { name: 'admin', of: 'the admin pages' },
];

async function serve(io: CliIo, options: ServeOptions): Promise<void> {
  const { config } = openConfig(io, options, overridesOf(io.stores, options));
  const parent = ParentLink.ofProcess(io.environment);
  const processes = processesOf(config);
  if (parent === undefined && processes > 1) return serveWithProcesses(io, options, config, processes);
  await parent?.begin();
  await serveAlone(io, options, parent === undefined ? config : shareOfProcess(config, parent.processes), parent);
}

/** The parent's connections to each database host. */
const lookingConnections = 2;

/** Serves in this process, as the server's only process or one of several. */
async function serveAlone(
  io: CliIo,
  options: ServeOptions,
  config: RoostConfig,
  parent: ParentLink | undefined,
): Promise<void> {
  const log = logOf(io, config);
  const metrics = new Metrics();
  const stopped = parent === undefined ? io.signal : AbortSignal.any([io.signal, parent.stopping.signal]);
  // Ignores hangups in a child: the parent restarts its processes, one after the other.
  if (parent !== undefined) io.onHangup?.(() => undefined);
  const closing: (() => Promise<void>)[] = [outliveRejections(log, metrics)];
  const endWatch = watchEventLoop(metrics);
  closing.push(async () => endWatch());
  try {
    const injectors = new Injectors();
    closing.push(() => injectors.close());
    const sendJobs: SendJobs = (remote, jobs, deadline) =>
      injectors.inject(
        { host: remote.hostname, port: remote.port, tls: ownTls(config), token: remoteToken(config) },
        jobs,
        {
          replicated: true,
          deadline,
        },
      );
    const openTelemetry = await registeredOpenTelemetry(log);
    const cluster = await openCluster(config, io.stores, {
      log,
      metrics,
      work: true,
      create: true,
      sendJobs,
      openTelemetry,
    });
    closing.push(() => cluster.close());
    const dashboard = new Dashboard(cluster, packageVersion());
    closing.push(() => dashboard.stop());
    const served = await serveCluster(cluster, { version: packageVersion(), site: dashboard, parent });
    closing.push(() => served.close());
    if (parent === undefined) printReady(io, options, config, served);
    if (!stopped.aborted) await once(stopped, 'abort');
    log.info({ signal: stopped.reason as string }, 'the server is stopping');
    parent?.leave();
  } finally {
    // Requests end before the workers do, and the workers before the connections that they use.
    for (const close of closing.reverse()) await close();
    await parent?.close(metrics);
  }
}

/** Listens for several child processes, which serve. */
async function serveWithProcesses(
  io: CliIo,
  options: ServeOptions,
  config: RoostConfig,
  processes: number,
): Promise<void> {
  const log = logOf(io, config);
  const metrics = new Metrics();
  const [, module = '', ...args] = process.argv;
  const closing: (() => Promise<void>)[] = [];
  try {
    // The parent reads the cluster for the dashboard only.
    const pool = { ...config.pool, size: lookingConnections };
    const cluster = await openCluster({ ...config, pool }, io.stores, { log, create: true, caches: true });
    closing.push(() => cluster.close());
    const served = await serveProcesses(config, io.stores, {
      processes,
      version: packageVersion(),
      command: [module, ...args],
      environment: io.environment,
      site: (notReady) => {
        const dashboard = new Dashboard(cluster, packageVersion(), undefined, notReady);
        closing.push(() => dashboard.stop());
        return dashboard;
      },
      log,
      metrics,
    });
    closing.push(() => served.close());
    cluster.gizzard.servers.describe({ machine: hostname(), managerPort: served.manager.port });
    io.onHangup?.(() => void served.replaceAll());
    printReady(io, options, config, served);
    if (!io.signal.aborted) await once(io.signal, 'abort');
    log.info({ signal: io.signal.reason as string }, 'the server is stopping');
  } catch (error) {
    const { exitCode } = RoostError.from(error).fields;
    // The process has said on stderr why it ended.
    if (typeof exitCode === 'number') throw new EndWith(exitCode);
    throw error;
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

const logOf = (io: CliIo, { log }: RoostConfig): Log => createLog(log.level, io.stderr);

function printReady(
  io: CliIo,
  options: ServeOptions,
  { cluster }: RoostConfig,
  { stores, manager, injector, admin }: ServedCluster,
): void {
  outputFor(io, options).result(
    { pid: process.pid, cluster, ...stores, manager, injector, admin },
    () =>
      `serving cluster ${cluster}: ${[
        ...io.stores.flatMap(({ name, service }) =>
          service === undefined ? [] : [`${service.title} on ${stores[name]!.host}:${stores[name]!.port}`],
        ),
        `manager on ${manager.host}:${manager.port}`,
        `injector on ${injector.host}:${injector.port}`,
        `admin on http://${admin.host}:${admin.port}`,
      ].join(', ')}`,
  );
}

/**
 * The last line of defense: an unhandled rejection is a fault in Roost, but no reason to stop every other call.
 * Counts and logs it. Returns a function that removes the handler.
 */
function outliveRejections(log: Log, metrics: Metrics): () => Promise<void> {
  const unhandled = metrics.counter(
    'roost_unhandled_rejections_total',
    'Failures that no code waited for; each is a fault in Roost',
  );
  const outlive = (reason: unknown): void => {
    unhandled.inc();
    log.error(
      { err: RoostError.from(reason) },
      'a promise was rejected and nobody awaited it: this is a fault in Roost',
    );
  };
  process.on('unhandledRejection', outlive);
  return async () => void process.off('unhandledRejection', outlive);
}

function overridesOf(stores: readonly Store[], options: ServeOptions): ConfigOverride[] {
  const given = [
    { path: ['server', 'host'], value: options['host'], source: '--host' },
    ...portsOf(stores).map(({ name }) => ({
      path: ['server', `${name}Port`],
      value: options[`${name}Port`],
      source: `--${name}-port`,
    })),
    { path: ['server', 'processes'], value: options['processes'], source: '--processes' },
    { path: ['log', 'level'], value: options['logLevel'], source: '--log-level' },
  ];
  return given.filter(({ value }) => value !== undefined);
}
