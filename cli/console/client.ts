import { Option } from 'commander';
import { connect, type ConnectOptions, type Roost } from '../../sdk/index.js';
import type { CliIo } from './cliIo.js';
import { type ConfigOptions, nameListArgument, openConfig } from './command.js';

export interface ClientOptions extends ConfigOptions {
  readonly server?: readonly string[];
  readonly tweetServer?: readonly string[];
  readonly userServer?: readonly string[];
  readonly timelineServer?: readonly string[];
}

export const serverOption = (): Option =>
  new Option('--server <host:port,...>', 'servers to ask (default: the one in the configuration)').argParser(
    nameListArgument,
  );

export const tweetServerOption = (): Option =>
  new Option(
    '--tweet-server <host:port,...>',
    'servers to ask for tweets (default: those of --server, at the ports that they name, or the one in the configuration)',
  ).argParser(nameListArgument);

export const userServerOption = (): Option =>
  new Option(
    '--user-server <host:port,...>',
    'servers to ask for users (default: those of --server, at the ports that they name, or the one in the configuration)',
  ).argParser(nameListArgument);

export const timelineServerOption = (): Option =>
  new Option(
    '--timeline-server <host:port,...>',
    'servers to ask for timelines (default: those of --server, at the ports that they name, or the one in the configuration)',
  ).argParser(nameListArgument);

/** Does some work as a client of the servers that an option or the configuration names. */
export async function withClient<T>(io: CliIo, options: ClientOptions, work: (roost: Roost) => Promise<T>): Promise<T> {
  const configured: ConnectOptions =
    options.server === undefined ? configuredServers(io, options) : { servers: options.server };
  const roost = await connect({
    ...configured,
    ...(options.tweetServer === undefined ? {} : { tweetServers: options.tweetServer }),
    ...(options.userServer === undefined ? {} : { userServers: options.userServer }),
    ...(options.timelineServer === undefined ? {} : { timelineServers: options.timelineServer }),
  });
  try {
    return await work(roost);
  } finally {
    await roost.close();
  }
}

function configuredServers(io: CliIo, options: ConfigOptions): ConnectOptions {
  const { cluster, server } = openConfig(io, options).config;
  const { host, flockPort, tbirdPort, usersPort, timelinePort } = server;
  const at = (port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    cluster,
    servers: [at(flockPort)],
    ...(tbirdPort === 0 ? {} : { tweetServers: [at(tbirdPort)] }),
    ...(usersPort === 0 ? {} : { userServers: [at(usersPort)] }),
    ...(timelinePort === 0 ? {} : { timelineServers: [at(timelinePort)] }),
  };
}
