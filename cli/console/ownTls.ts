import { tlsOf, type RoostConfig } from '../../process/index.js';
import type { ServerAddress } from '../../sdk/index.js';

/** How the servers of a configuration are spoken to, and those of remote clusters: with certificates that are read anew for each connection. */
export const ownTls = ({ tls, server }: Pick<RoostConfig, 'tls' | 'server'>): ServerAddress['tls'] =>
  tls === undefined ? (server.plain ? false : undefined) : () => tlsOf(tls);
