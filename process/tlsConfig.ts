import { z } from 'zod';
import { isLoopback } from '../core/index.js';

const file = z.string().min(1).optional();

const certificateWithKey = [
  ({ certFile, keyFile }: { readonly certFile?: string | undefined; readonly keyFile?: string | undefined }) =>
    (certFile === undefined) === (keyFile === undefined),
  'takes `certFile` and `keyFile` together',
] as const;

const clientKeys = {
  /** PEM: the authorities that the server's certificate may come from. Absent: those that Node trusts. */
  caFile: file,
  /** PEM: the certificate, with those between it and its authority, and the key that we show to a server that asks for them. */
  certFile: file,
  keyFile: file,
  /** The name that the server's certificate must be for. Absent: the host. */
  servername: file,
};

/** Encryption of connections to a server. Files are read again for every new connection. */
export const clientTls = z.strictObject(clientKeys).refine(...certificateWithKey);

/** Encryption of Roost's own ports, and of connections to those of others. */
export const ownTls = z
  .strictObject({
    ...clientKeys,
    /** PEM: the authorities of clients. Where this is set, every port takes only clients that show a certificate of theirs. */
    clientCaFile: file,
  })
  .refine(...certificateWithKey)
  .refine(
    ({ clientCaFile, certFile }) => clientCaFile === undefined || certFile !== undefined,
    'takes `clientCaFile` with `certFile` and `keyFile` alone',
  );

export type TlsConfig = z.output<typeof clientTls>;
export type OwnTlsConfig = z.output<typeof ownTls>;

/** Keys of a server that connections are made to. */
export const encryptionKeys = {
  /** Absent: the connection is not encrypted. */
  tls: clientTls.optional(),
  /** Allows a connection beyond loopback that is not encrypted: on a network that is trusted, or encrypts by itself. */
  plain: z.boolean().optional(),
};

/** Whether a connection is encrypted, stays on this machine, or was asked for in the clear. */
export const mayConnect = [
  ({
    host,
    socketPath,
    tls,
    plain,
  }: {
    readonly host: string;
    readonly socketPath?: string | undefined;
    readonly tls?: TlsConfig | undefined;
    readonly plain?: boolean | undefined;
  }) => tls !== undefined || plain === true || socketPath !== undefined || isLoopback(host),
  'is not on loopback and would not be encrypted: set its `tls`, or its `plain` to true on a network that is trusted',
] as const;
