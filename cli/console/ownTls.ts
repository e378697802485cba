import { tlsOf, type RoostConfig } from '../../process/index.js';
import type { ServerAddress } from '../../sdk/index.js';

/**
 * The TLS settings for the servers of a configuration and of remote clusters. The certificates are read again for
 * each connection.
 */
export const ownTls = ({ tls, server }: Pick<RoostConfig, 'tls' | 'server'>): ServerAddress['tls'] =>
  tls === undefined ? (server.plain ? false : undefined) : () => tlsOf(tls);
