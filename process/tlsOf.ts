import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { RoostError } from '../core/index.js';
import type { TlsConfig } from './config.js';
import { readSecret } from './secret.js';

/**
 * The options of a connection, from the files as they are at the call. The server's certificate is always verified. Throws `FailedPrecondition` where a file cannot be read, or holds
 * no certificate or key, or a key of another certificate: what is replaced in more than one step is wrong for a moment.
 */
export function tlsOf({ caFile, certFile, keyFile, servername }: TlsConfig): ConnectionOptions {
  const files = {
    ...(caFile === undefined ? {} : { ca: readSecret(caFile, 'certificate') }),
    ...(certFile === undefined ? {} : { cert: readSecret(certFile, 'certificate') }),
    ...(keyFile === undefined ? {} : { key: readSecret(keyFile, 'key') }),
  };
  try {
    createSecureContext(files);
  } catch (error) {
    const named = [caFile, certFile, keyFile].filter((file) => file !== undefined);
    throw new RoostError(
      'FailedPrecondition',
      `TLS cannot be set up with ${named.join(', ')}: ${error instanceof Error ? error.message : String(error)}`,
      { fields: { files: named.join(', ') }, cause: error },
    );
  }
  return { ...files, ...(servername === undefined ? {} : { servername }), rejectUnauthorized: true };
}
