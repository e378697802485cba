import type { Encryption } from './encryption.js';

/** Memory of one cache node. */
const memoryMiB = 64;

/** Arguments of memcached, in a process or a container: UDP off, and the memory of a node. */
export const memcachedSettings: readonly string[] = ['-U', '0', '-m', String(memoryMiB)];

export const memcachedArguments = (port: number, encryption?: Encryption): string[] => [
  ...['-l', '127.0.0.1'],
  ...['-p', String(port)],
  ...memcachedSettings,
  // A client must show a certificate (2: once, and at every handshake after it).
  ...(encryption === undefined
    ? []
    : [
        '-Z',
        ...['-o', `ssl_chain_cert=${encryption.server.certFile},ssl_key=${encryption.server.keyFile}`],
        ...['-o', `ssl_verify_mode=2,ssl_ca_cert=${encryption.caFile}`],
      ]),
  // Without `-u`, memcached refuses to run as root.
  ...(process.getuid?.() === 0 ? ['-u', 'root'] : []),
];
