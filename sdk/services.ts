import { RoostFlockClient, TBirdClient, UsersClient, type RoostFlockModule, type TBirdModule, type UsersModule } from '../rpc/wire/index.js';
import type { Service } from './connection.js';

export const flockService: Service<RoostFlockModule.Client> = { Client: RoostFlockClient, probe: (client) => client.list_graphs() };

export const tbirdService: Service<TBirdModule.Client> = { Client: TBirdClient, probe: (client) => client.list_windows() };
export const usersService: Service<UsersModule.Client> = { Client: UsersClient, probe: (client) => client.get_users(Buffer.alloc(0), {}) };
