import { connect, type Socket } from 'node:net';
import type { Pool, PoolOptions, SslOptions } from 'mysql2';
import { passwordOf, tlsOf, type DatabaseHostConfig, type Log } from '../process/index.js';

/** How connections are made and log in. Throws `FailedPrecondition` where a file of the configuration cannot be read. */
export function logInOptions(
  config: DatabaseHostConfig,
): Pick<PoolOptions, 'host' | 'port' | 'socketPath' | 'user' | 'password' | 'ssl' | 'stream'> {
  const { host, port, socketPath, user, tls } = config;
  const password = passwordOf(config) ?? '';
  if (socketPath !== undefined) return { socketPath, user, password };
  if (tls === undefined) return { host, port, user, password };
  const name = tls.servername ?? host;
  // The driver verifies the certificate for `host`, which need not be where the server is.
  return { host: name, port, user, password, ssl: sslOf(config)!, stream: () => openStream(host, port, name) };
}

/** Has new connections log in with the password and the certificates as they are then. While a file cannot be read, what was read last stays: a secret is replaced in more than one step. */
export function renewAtEveryLogIn(pool: Pool, config: DatabaseHostConfig, log: Log): void {
  // mysql2 copies the properties of this object for each connection, accessors as they are.
  const { connectionConfig } = (pool as unknown as { readonly config: { readonly connectionConfig: object } }).config;
  const renew = <T>(name: string, first: T, read: () => T): void => {
    let last = first;
    const get = (): T => {
      try {
        return (last = read());
      } catch (error) {
        log.warn({ err: error }, 'a password or certificate is not read anew');
        return last;
      }
    };
    Object.defineProperty(connectionConfig, name, { get, enumerable: true, configurable: true });
  };
  renew('password', passwordOf(config) ?? '', () => passwordOf(config) ?? '');
  const ssl = sslOf(config);
  if (ssl === undefined) return;
  let made = ssl;
  // Asked for several times in a handshake: of the same texts, the same object.
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

/** @param name what the certificate must be for. Node finds it here where it is an address, of which the driver says nothing: without it any certificate for `localhost` would do. */
function openStream(host: string, port: number, name: string): Socket {
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  return Object.assign(socket, { _host: name });
}
