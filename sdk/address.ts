import { RoostError, type Address } from '../core/index.js';

/** A server, and how to connect to it. */
export interface ServerAddress extends Address {
  /**
   * Encryption of connections; a function is called for each connection. Absent: no encryption, and loopback only.
   * `false`: no encryption, anywhere.
   */
  readonly tls?: TlsOptions | (() => TlsOptions) | false | undefined;
  /** The token that each new connection presents; a function is called for each connection. Absent: none. */
  readonly token?: string | (() => string | undefined) | undefined;
}

/** Encryption of a connection. Certificates and keys are PEM. The server's certificate is always verified. */
export interface TlsOptions {
  /** Certificate authorities that may have signed the server's certificate. Absent: those that Node trusts. */
  readonly ca?: Pem;
  /** The client's certificate chain and its key, for servers that require client certificates. */
  readonly cert?: Pem;
  readonly key?: Pem;
  /** The name that the server's certificate must carry. Absent: the host. */
  readonly servername?: string;
}

type Pem = string | Buffer;

const pattern = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/;

/** Parses `host:port`; an IPv6 host stands in brackets. Throws `InvalidArgument`. */
export function parseAddress(text: string): Address {
  const [, v6, name, digits] = pattern.exec(text) ?? [];
  const host = v6 ?? name;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new RoostError('InvalidArgument', `a server is given as host:port, not ${JSON.stringify(text)}`, {
      fields: { argument: 'servers' },
    });
  }
  return { host, port };
}
