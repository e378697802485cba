import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { portOf } from '../../cluster/index.js';
import { isRoostError } from '../../core/index.js';
import { tlsOf, type RoostConfig } from '../../process/index.js';
import {
  connect,
  graphsService,
  services,
  type ConnectOptions,
  type Roost,
  type StoreServers,
} from '../../sdk/index.js';
import type { CliIo } from './cliIo.js';
import { type ConfigOptions, configOption, nameListArgument, openConfig } from './command.js';
import { ownTls } from './ownTls.js';
import { optionOf, type ServerOptions } from './serverOptions.js';

export interface ClientOptions extends ConfigOptions, ServerOptions {
  readonly server?: readonly string[];
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly plain?: true;
  readonly tokenFile?: string;
}

/**
 * Gives a command the options of all commands that ask servers: the servers, the encryption of connections, and the
 * configuration.
 */
export const askingServers = (command: Command): Command =>
  command
    .addOption(
      new Option('--server <host:port,...>', 'servers to ask (default: the one in the configuration)').argParser(
        nameListArgument,
      ),
    )
    .option(
      '--tls-ca <file>',
      'encrypt, and trust servers with a certificate of these authorities (overrides tls.caFile)',
    )
    .option('--tls-cert <file>', 'the certificate that we show (overrides tls.certFile)')
    .option('--tls-key <file>', 'its key (overrides tls.keyFile)')
    .option('--token-file <file>', 'the token that we show (overrides access.tokenFile)')
    .option('--plain', 'do not encrypt, not even beyond loopback (overrides tls)')
    .addOption(configOption());

/** Runs `work` as a client of the servers that an option or the configuration names. */
export async function withClient<T>(io: CliIo, options: ClientOptions, work: (roost: Roost) => Promise<T>): Promise<T> {
  const configured: ConnectOptions =
    options.server === undefined ? configuredServers(io, options) : { servers: options.server };
  const roost = await connect({
    ...configured,
    ...howToAsk(io, options),
    ...Object.fromEntries(
      Object.values(services).flatMap(({ servers }) => {
        const given = options[optionOf(servers)];
        return given === undefined ? [] : [[servers, given]];
      }),
    ),
  });
  try {
    return await work(roost);
  } finally {
    await roost.close();
  }
}

/** If servers are named and there is no configuration, only options set the encryption and the token. */
function howToAsk(io: CliIo, options: ClientOptions): Pick<ConnectOptions, 'tls' | 'tokenFile'> {
  const config = configOrNone(io, options);
  const files = Object.entries({ caFile: options.tlsCa, certFile: options.tlsCert, keyFile: options.tlsKey })
    .filter(([, file]) => file !== undefined)
    .map(([key, file]) => [key, resolve(io.workingFolder, file!)] as const);
  const configured = config && ownTls(config);
  const encrypted = files.length === 0 ? configured : () => tlsOf({ ...config?.tls, ...Object.fromEntries(files) });
  const tokenFile =
    options.tokenFile === undefined ? config?.access.tokenFile : resolve(io.workingFolder, options.tokenFile);
  return {
    tls: options.plain === true ? false : encrypted,
    ...(tokenFile === undefined ? {} : { tokenFile }),
  };
}

function configOrNone(io: CliIo, options: ClientOptions): RoostConfig | undefined {
  try {
    return openConfig(io, options).config;
  } catch (error) {
    if (options.server === undefined || !isRoostError(error, 'NotFound')) throw error;
    return undefined;
  }
}

function configuredServers(io: CliIo, options: ConfigOptions): ConnectOptions {
  const { config } = openConfig(io, options);
  const { host } = config.server;
  const at = (port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const portAt = (name: string): number => {
    const store = io.stores.find((one) => one.name === name);
    return (store && portOf(config, store)) ?? 0;
  };
  const beside = Object.values(services).flatMap(({ store, servers }) => {
    const port = portAt(store);
    return port === 0 ? [] : [[servers, [at(port)]]];
  });
  return {
    cluster: config.cluster,
    servers: [at(portAt(graphsService.store))],
    ...(Object.fromEntries(beside) as StoreServers),
  };
}
