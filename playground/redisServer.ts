import type { Encryption } from './encryption.js';
import type { RedisFsync } from './state.js';

/** The settings that the journal relies on: every write goes to the append-only file, and nothing is ever evicted. */
export const redisSettings = (fsync: RedisFsync): string[] => [
  ...['--appendonly', 'yes'],
  ...['--appendfsync', fsync],
  ...['--save', ''],
  ...['--maxmemory-policy', 'noeviction'],
];

export const redisArguments = (options: {
  readonly folder: string;
  readonly port: number;
  readonly fsync: RedisFsync;
  readonly encryption?: Encryption | undefined;
}): string[] => [
  ...['--bind', '127.0.0.1'],
  ...(options.encryption === undefined
    ? ['--port', String(options.port)]
    : [...['--port', '0'], ...['--tls-port', String(options.port)], ...tlsArguments(options.encryption)]),
  ...['--dir', options.folder],
  ...['--daemonize', 'no'],
  ...redisSettings(options.fsync),
];

const tlsArguments = ({ caFile, server }: Encryption): string[] => [
  ...['--tls-cert-file', server.certFile],
  ...['--tls-key-file', server.keyFile],
  ...['--tls-ca-cert-file', caFile],
  ...['--tls-auth-clients', 'yes'],
];
