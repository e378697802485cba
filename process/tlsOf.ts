import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { RoostError } from '../core/index.js';
import { readSecret } from './secret.js';
import type { TlsConfig } from './tlsConfig.js';

/** Options of an encrypted connection: PEM, and the name that the server's certificate must carry. */
export interface ClientTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized: true;
}

/**
 * The options of a connection, from the present files. The server's certificate is always verified. Throws
 * `FailedPrecondition` if a file cannot be read or lacks a certificate or key, or if they do not match, as they may
 * for a moment during a replacement.
 */
export function tlsOf({ servername, ...files }: TlsConfig): ClientTls {
  return { ...readTls(files), ...(servername === undefined ? {} : { servername }), rejectUnauthorized: true };
}

/** Throws as `tlsOf`. */
export function readTls({ caFile, certFile, keyFile }: Omit<TlsConfig, 'servername'>): {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
} {
  const read = {
    ...(caFile === undefined ? {} : { ca: readSecret(caFile, 'certificate') }),
    ...(certFile === undefined ? {} : { cert: readSecret(certFile, 'certificate') }),
    ...(keyFile === undefined ? {} : { key: readSecret(keyFile, 'key') }),
  } satisfies SecureContextOptions;
  try {
    createSecureContext(read);
  } catch (error) {
    const named = [caFile, certFile, keyFile].filter((file) => file !== undefined);
    throw new RoostError(
      'FailedPrecondition',
      `TLS cannot be set up with ${named.join(', ')}: ${error instanceof Error ? error.message : String(error)}`,
      { fields: { files: named.join(', ') }, cause: error },
    );
  }
  return read;
}
