import { Option } from 'commander';
import { connect, type Roost } from '../../sdk/index.js';
import type { CliIo } from './cliIo.js';
import { type ConfigOptions, nameListArgument, openConfig } from './command.js';

export interface ClientOptions extends ConfigOptions {
  readonly server?: readonly string[];
}

export const serverOption = (): Option =>
  new Option('--server <host:port,...>', 'servers to ask (default: the one in the configuration)').argParser(nameListArgument);

/** Does some work as a client of the servers that an option or the configuration names. */
export async function withClient<T>(io: CliIo, options: ClientOptions, work: (roost: Roost) => Promise<T>): Promise<T> {
  const servers = options.server ?? [configuredServer(io, options)];
  const roost = await connect({ servers });
  try {
    return await work(roost);
  } finally {
    await roost.close();
  }
}

function configuredServer(io: CliIo, options: ConfigOptions): string {
  const { host, flockPort } = openConfig(io, options).config.server;
  return `${host.includes(':') ? `[${host}]` : host}:${flockPort}`;
}
