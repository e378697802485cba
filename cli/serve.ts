import { once } from 'node:events';
import { type Command, Option } from 'commander';
import { openCluster, serveCluster, type Store } from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import { Dashboard } from '../dashboard/index.js';
import type { SendJobs } from '../gizzard/index.js';
import { type ConfigOverride, createLog, type Log, Metrics } from '../process/index.js';
import { Injectors } from '../sdk/index.js';
import { watchEventLoop } from '../server/index.js';
import type { CliIo } from './console/cliIo.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  integerArgument,
  openConfig,
  outputFor,
} from './console/command.js';
import { ownTls } from './console/ownTls.js';
import { remoteToken } from './console/ownToken.js';
import { packageVersion } from './console/packageVersion.js';

export function addServeCommand(program: Command, io: CliIo): void {
  const served = io.stores.flatMap(({ service }) => (service === undefined ? [] : [service.title]));
  const command = defineCommand(
    program,
    'serve',
    `run a server, until SIGTERM or Ctrl-C\nIt serves ${served.join(', ')}, the manager and the job injector over Thrift, works on the journal, and answers on the admin port: the dashboard (/), /healthz, /readyz, /metrics, /server_info.`,
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
  const log = createLog(config.log.level, io.stderr);
  const metrics = new Metrics();
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
    const cluster = await openCluster(config, io.stores, { log, metrics, work: true, create: true, sendJobs });
    closing.push(() => cluster.close());
    const dashboard = new Dashboard(cluster, packageVersion());
    closing.push(() => dashboard.stop());
    const { stores, manager, injector, admin, ...served } = await serveCluster(cluster, {
      version: packageVersion(),
      site: dashboard,
    });
    closing.push(() => served.close());
    outputFor(io, options).result(
      { pid: process.pid, cluster: config.cluster, ...stores, manager, injector, admin },
      () =>
        `serving cluster ${config.cluster}: ${[
          ...io.stores.flatMap(({ name, service }) =>
            service === undefined ? [] : [`${service.title} on ${stores[name]!.host}:${stores[name]!.port}`],
          ),
          `manager on ${manager.host}:${manager.port}`,
          `injector on ${injector.host}:${injector.port}`,
          `admin on http://${admin.host}:${admin.port}`,
        ].join(', ')}`,
    );
    if (!io.signal.aborted) await once(io.signal, 'abort');
    log.info({ signal: io.signal.reason as string }, 'stopping');
  } finally {
    // Requests end before the workers do, and the workers before the connections that they use.
    for (const close of closing.reverse()) await close();
  }
}

/** The last line of defense: a rejection that nobody waits for is a fault in Roost, but no reason to end every other call with it. Returns how to end this. */
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

function overridesOf(stores: readonly Store[], options: ServeOptions): ConfigOverride[] {
  const given = [
    { path: ['server', 'host'], value: options['host'], source: '--host' },
    ...portsOf(stores).map(({ name }) => ({
      path: ['server', `${name}Port`],
      value: options[`${name}Port`],
      source: `--${name}-port`,
    })),
    { path: ['log', 'level'], value: options['logLevel'], source: '--log-level' },
  ];
  return given.filter(({ value }) => value !== undefined);
}
