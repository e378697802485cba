import { timelinesService } from './timelinesClient.js';
import { tweetsService } from './tweetsClient.js';
import { usersService } from './usersClient.js';

/** The services beside graphs, by the names of their clients in `Roost`. */
export const services = {
  tweets: tweetsService,
  users: usersService,
  timelines: timelinesService,
} as const;

type Services = typeof services;

/** The clients of these services. */
export type StoreClients = { readonly [Name in keyof Services]: ReturnType<Services[Name]['open']> };

/** host:port of the same servers' services. Absent: the ports that the servers name, else the default ports. */
export type StoreServers = {
  readonly [Name in keyof Services as Services[Name]['servers']]?: readonly string[];
};
