import { Option } from 'commander';
import { services } from '../../sdk/index.js';
import { nameListArgument } from './command.js';

type Services = typeof services;

/** The values of the options that name servers: `tweetServer` for the service whose addresses are `tweetServers` of `connect`. */
export type ServerOptions = {
  readonly [
    Name in keyof Services as Services[Name]['servers'] extends `${infer One}s` ? One : never
  ]?: readonly string[];
};

/** `tweetServer` for `tweetServers`. */
export const optionOf = (servers: string): keyof ServerOptions => servers.replace(/s$/, '') as keyof ServerOptions;

/** The option that names the servers of a service. */
export function serverOption(name: keyof Services): Option {
  const { servers, title } = services[name];
  return new Option(
    `--${optionOf(servers).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} <host:port,...>`,
    `servers to ask for ${title} (default: those of --server, at the ports that they name, or the one in the configuration)`,
  ).argParser(nameListArgument);
}
