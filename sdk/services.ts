import { limits } from '../core/index.js';
import { RoostFlockClient, TBirdClient, UsersClient, type RoostFlockModule, type TBirdModule, type UsersModule } from '../rpc/wire/index.js';
import type { Service } from './connection.js';

export const flockService: Service<RoostFlockModule.Client> = { Client: RoostFlockClient, requestBytes: limits.flockRequestBytes, probe: (client) => client.list_graphs() };

export const tbirdService: Service<TBirdModule.Client> = { Client: TBirdClient, requestBytes: limits.tbirdRequestBytes, probe: (client) => client.list_windows() };
export const usersService: Service<UsersModule.Client> = { Client: UsersClient, requestBytes: limits.usersRequestBytes, probe: (client) => client.get_users(Buffer.alloc(0), {}) };
