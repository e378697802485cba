import { limits } from '../core/index.js';
import {
  RoostFlockClient,
  RoostTimelinesClient,
  TBirdClient,
  UsersClient,
  type RoostFlockModule,
  type RoostTimelinesModule,
  type RoostTypes,
  type TBirdModule,
  type UsersModule,
} from '../wire/index.js';
import type { Service } from './thriftConnection.js';

/** A service of a cluster's servers. */
export interface ClusterService<C extends object> extends Service<C> {
  /** Asks the server at the other end who it is. */
  readonly info: (client: C) => Promise<RoostTypes.ServerInfo>;
}

const info = (client: { server_info(): Promise<RoostTypes.ServerInfo> }): Promise<RoostTypes.ServerInfo> =>
  client.server_info();

export const flockService: ClusterService<RoostFlockModule.Client> = {
  Client: RoostFlockClient,
  requestBytes: limits.flockRequestBytes,
  probe: (client) => client.list_graphs(),
  info,
};
export const tbirdService: ClusterService<TBirdModule.Client> = {
  Client: TBirdClient,
  requestBytes: limits.tbirdRequestBytes,
  probe: (client) => client.list_windows(),
  info,
};
export const usersService: ClusterService<UsersModule.Client> = {
  Client: UsersClient,
  requestBytes: limits.usersRequestBytes,
  probe: (client) => client.get_users(Buffer.alloc(0), {}),
  info,
};
export const timelinesService: ClusterService<RoostTimelinesModule.Client> = {
  Client: RoostTimelinesClient,
  requestBytes: limits.timelineRequestBytes,
  probe: (client) => client.server_info(),
  info,
};
