import { z } from 'zod';
import { isLoopback } from '../core/index.js';

const file = z.string().min(1).optional();

const certificateWithKey = [
  ({ certFile, keyFile }: { readonly certFile?: string | undefined; readonly keyFile?: string | undefined }) =>
    (certFile === undefined) === (keyFile === undefined),
  'takes `certFile` and `keyFile` together',
] as const;

const clientKeys = {
  /** PEM: certificate authorities for the server's certificate. Absent: those that Node trusts. */
  caFile: file,
  /** PEM: the certificate chain and key that we show to a server that asks. */
  certFile: file,
  keyFile: file,
  /** The name that the server's certificate must carry. Absent: the host. */
  servername: file,
};

/** Encryption of connections to a server. Files are read for each new connection. */
export const clientTls = z.strictObject(clientKeys).refine(...certificateWithKey);

/** Encryption of Roost's own ports, and of connections to other servers' ports. */
export const ownTls = z
  .strictObject({
    ...clientKeys,
    /** PEM: certificate authorities of clients. If set, every port requires a client certificate. */
    clientCaFile: file,
  })
  .refine(...certificateWithKey)
  .refine(
    ({ clientCaFile, certFile }) => clientCaFile === undefined || certFile !== undefined,
    'takes `clientCaFile` with `certFile` and `keyFile` alone',
  );

export type TlsConfig = z.output<typeof clientTls>;
export type OwnTlsConfig = z.output<typeof ownTls>;

/** Encryption keys of a server that we connect to. */
export const encryptionKeys = {
  /** Absent: no encryption. */
  tls: clientTls.optional(),
  /** Allows an unencrypted connection beyond loopback: for a network that is trusted, or encrypts by itself. */
  plain: z.boolean().optional(),
};

/** Whether a connection is encrypted, stays on this machine, or is explicitly unencrypted. */
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
