import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { RoostError } from '../core/index.js';
import { readSecret } from './secret.js';
import type { TlsConfig } from './tlsConfig.js';

/** What a connection to a server is made with: PEM, and the name that its certificate must be for. */
export interface ClientTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized: true;
}

/**
 * The options of a connection, from the files as they are at the call. The server's certificate is always verified. Throws `FailedPrecondition` where a file cannot be read, or holds
 * no certificate or key, or a key of another certificate: what is replaced in more than one step is wrong for a moment.
 */
export function tlsOf({ servername, ...files }: TlsConfig): ClientTls {
  return { ...readTls(files), ...(servername === undefined ? {} : { servername }), rejectUnauthorized: true };
}

/** Throws as `tlsOf` does. */
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
