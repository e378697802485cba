import type { RoostTypes } from '../wire/index.js';
import type { Channel } from './channel.js';
import type { Service } from './thriftConnection.js';

/** A service of a cluster's servers. */
export interface ClusterService<C extends object> extends Service<C> {
  /** Asks the server at the other end who it is. */
  readonly info: (client: C) => Promise<RoostTypes.ServerInfo>;
}

/** A store's service, and how clients of a cluster find and use it. */
export interface StoreClient<C extends object, Client> extends ClusterService<C> {
  /** The store's name. */
  readonly store: string;
  /** What it serves, for people. */
  readonly title: string;
  /** The option of `connect` with the service's addresses. */
  readonly servers: string;
  /** Its port if a server does not tell. */
  readonly defaultPort: number;
  /** The port that a server tells; undefined if it does not. */
  port(info: RoostTypes.ServerInfo): number | undefined;
  /** Makes the client. */
  open(channel: Channel<C>): Client;
}

/** The method that every service of ours has. */
export const askWho = (client: { server_info(): Promise<RoostTypes.ServerInfo> }): Promise<RoostTypes.ServerInfo> =>
  client.server_info();
