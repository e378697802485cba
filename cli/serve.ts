import { once } from 'node:events';
import type { Command } from 'commander';
import { type ConfigOverride, createLog, Metrics } from '../core/index.js';
import { type Flock, openFlock } from '../flock/index.js';
import { AdminServer, flockProcessor, ThriftServer } from '../rpc/index.js';
import type { CliIo } from './console/cliIo.js';
import { type ConfigOptions, configOption, defineCommand, integerArgument, openConfig, outputFor } from './console/command.js';
import { packageVersion } from './console/packageVersion.js';
import type { ServerReady } from './serverReady.js';

interface ServeOptions extends ConfigOptions {
  readonly host?: string;
  readonly flockPort?: number;
  readonly adminPort?: number;
  readonly logLevel?: string;
}

export function addServeCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'serve',
    'run a server, until SIGTERM or Ctrl-C\nIt serves graphs over Thrift, works on the journal, and answers on the admin port: /healthz, /readyz, /metrics, /server_info.',
    'roost serve --flock-port 7915',
  )
    .addOption(configOption())
    .option('--host <host>', 'the address to listen on (overrides server.host)')
    .option('--flock-port <port>', 'the Thrift port, 0 for a free one (overrides server.flockPort)', integerArgument(0, 65_535))
    .option('--admin-port <port>', 'the admin port, 0 for a free one (overrides server.adminPort)', integerArgument(0, 65_535))
    .option('--log-level <level>', 'silent, error, warn, info or debug (overrides log.level)')
    .action((options: ServeOptions) => serve(io, options));
}

async function serve(io: CliIo, options: ServeOptions): Promise<void> {
  const { config } = openConfig(io, options, overridesOf(options));
  const log = createLog(config.log.level, io.stderr);
  const metrics = new Metrics();
  const { host, flockPort, adminPort } = config.server;
  const closing: (() => Promise<void>)[] = [];
  try {
    const flock = await openFlock(config, { log, metrics, work: true, create: true });
    closing.push(() => flock.close());
    const thrift = await ThriftServer.listen({ host, port: flockPort, processor: flockProcessor(flock, { metrics, log }), metrics, log });
    closing.push(() => thrift.close());
    const ready: Omit<ServerReady, 'admin'> = { pid: process.pid, cluster: config.cluster, flock: { host, port: thrift.port } };
    const info = () => ({ ...ready, version: packageVersion(), node: process.version, topologyVersion: flock.gizzard.topology.version, graphs: flock.graphs() });
    const admin = await AdminServer.listen({ host, port: adminPort, metrics, info, notReady: () => whyNotReady(flock) });
    closing.push(() => admin.close());
    outputFor(io, options).result({ ...ready, admin: { host, port: admin.port } } satisfies ServerReady, () =>
      `serving cluster ${config.cluster}: flock on ${host}:${thrift.port}, admin on http://${host}:${admin.port}`,
    );
    if (!io.signal.aborted) await once(io.signal, 'abort');
    log.info({ signal: io.signal.reason as string }, 'stopping');
  } finally {
    // Requests end before the workers do, and the workers before the connections that they use.
    for (const close of closing.reverse()) await close();
  }
}

/** A server that cannot journal cannot write, and one whose topology is stale may soon read from the wrong place. */
async function whyNotReady(flock: Flock): Promise<string | undefined> {
  const stale = flock.gizzard.nameServer.lastReloadError;
  if (stale !== undefined) return `the topology is not fresh: ${stale.message}`;
  return flock.journal().then(
    () => undefined,
    (error: unknown) => `the journal does not answer: ${error instanceof Error ? error.message : String(error)}`,
  );
}

function overridesOf({ host, flockPort, adminPort, logLevel }: ServeOptions): ConfigOverride[] {
  const given = [
    { path: ['server', 'host'], value: host, source: '--host' },
    { path: ['server', 'flockPort'], value: flockPort, source: '--flock-port' },
    { path: ['server', 'adminPort'], value: adminPort, source: '--admin-port' },
    { path: ['log', 'level'], value: logLevel, source: '--log-level' },
  ];
  return given.filter(({ value }) => value !== undefined);
}
