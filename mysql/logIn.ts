import { connect, type Socket } from 'node:net';
import type { Pool, PoolOptions, SslOptions } from 'mysql2';
import { passwordOf, tlsOf, type DatabaseHostConfig, type Log } from '../process/index.js';

/** How connections are opened and log in. Throws `FailedPrecondition` if a configured file cannot be read. */
export function logInOptions(
  config: DatabaseHostConfig,
): Pick<PoolOptions, 'host' | 'port' | 'socketPath' | 'user' | 'password' | 'ssl' | 'stream'> {
  const { host, port, socketPath, user, tls } = config;
  const password = passwordOf(config) ?? '';
  if (socketPath !== undefined) return { socketPath, user, password };
  if (tls === undefined) return { host, port, user, password };
  const name = tls.servername ?? host;
  // The driver verifies the certificate for `host`, which may differ from the server's address.
  return { host: name, port, user, password, ssl: sslOf(config)!, stream: () => openStream(host, port, name) };
}

/**
 * Makes new connections log in with the present password and certificates. While a file cannot be read, the previous
 * content is used: a secret is replaced in several steps.
 */
export function renewAtEveryLogIn(pool: Pool, config: DatabaseHostConfig, log: Log): void {
  // mysql2 copies the properties of this object for each connection, and keeps accessors.
  const { connectionConfig } = (pool as unknown as { readonly config: { readonly connectionConfig: object } }).config;
  const renew = <T>(name: string, first: T, read: () => T): void => {
    let last = first;
    const get = (): T => {
      try {
        return (last = read());
      } catch (error) {
        log.warn({ err: error }, 'a password or certificate file cannot be read; the last one stays in use');
        return last;
      }
    };
    Object.defineProperty(connectionConfig, name, { get, enumerable: true, configurable: true });
  };
  renew('password', passwordOf(config) ?? '', () => passwordOf(config) ?? '');
  const ssl = sslOf(config);
  if (ssl === undefined) return;
  let made = ssl;
  // Read several times in a handshake: equal texts give the same object.
  renew('ssl', ssl, () => {
    const now = sslOf(config)!;
    return made.ca === now.ca && made.cert === now.cert && made.key === now.key ? made : (made = now);
  });
}

function sslOf({ tls, socketPath }: DatabaseHostConfig): SslOptions | undefined {
  if (tls === undefined || socketPath !== undefined) return undefined;
  const { ca, cert, key } = tlsOf(tls);
  return {
    rejectUnauthorized: true,
    verifyIdentity: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/**
 * @param name the name that the certificate must carry. If it is an address, about which the driver says nothing,
 * Node finds it here: otherwise any certificate for `localhost` would be accepted
 */
function openStream(host: string, port: number, name: string): Socket {
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  return Object.assign(socket, { _host: name });
}
