import { RoostFlockClient, TBirdClient, type RoostFlockModule, type TBirdModule } from '../rpc/wire/index.js';
import type { Service } from './connection.js';

export const flockService: Service<RoostFlockModule.Client> = { Client: RoostFlockClient, probe: (client) => client.list_graphs() };

export const tbirdService: Service<TBirdModule.Client> = { Client: TBirdClient, probe: (client) => client.list_windows() };
