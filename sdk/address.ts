import { RoostError, type Address } from '../core/index.js';

/** A server, and how connections to it are made. */
export interface ServerAddress extends Address {
  /** How they are encrypted, made anew for each where this is a function. Absent: they are not, and are made on loopback alone; `false` allows that anywhere. */
  readonly tls?: TlsOptions | (() => TlsOptions) | false | undefined;
  /** What a new connection shows first, to servers that want to know who calls; asked for anew for each where this is a function. Absent: nothing. */
  readonly token?: string | (() => string | undefined) | undefined;
}

/** Encryption of a connection. Certificates and keys are PEM. The server's certificate is always verified. */
export interface TlsOptions {
  /** The authorities that the server's certificate may come from. Absent: those that Node trusts. */
  readonly ca?: Pem;
  /** The certificate, with those between it and its authority, and its key, for servers that ask who we are. */
  readonly cert?: Pem;
  readonly key?: Pem;
  /** The name that the server's certificate must be for. Absent: the host. */
  readonly servername?: string;
}

type Pem = string | Buffer;

const pattern = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/;

/** Takes `host:port`, with brackets around an IPv6 host. Throws `InvalidArgument`. */
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
