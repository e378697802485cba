import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Who is at the other end of a connection. */
export interface Peer {
  /** An IP address. */
  readonly address: string;
  /** Present where the client showed a certificate that one of `tls.clientCaFile`'s authorities vouches for. */
  readonly certificate?: PeerCertificate;
}

/** The names that a client's certificate is for. */
export interface PeerCertificate {
  /** The common name of its subject; undefined where there is none. */
  readonly commonName: string | undefined;
  /** The alternative names of its subject, each with its kind: `DNS:web1`, `URI:spiffe://…`, `IP Address:10.0.0.7`, `email:…`. */
  readonly names: readonly string[];
}

/** The peer of a socket that is connected: of an encrypted one, once its handshake is over. */
export function peerOf(socket: Socket): Peer {
  const address = socket.remoteAddress ?? '';
  if (!(socket instanceof TLSSocket) || !socket.authorized) return { address };
  const { subject, subjectaltname: names } = socket.getPeerCertificate();
  return { address, certificate: { commonName: nameOf(subject.CN), names: alternativeNames(names ?? '') } };
}

/** Of a subject with several common names, none is the name. */
const nameOf = (commonName: unknown): string | undefined => (typeof commonName === 'string' ? commonName : undefined);

/** Node separates names by commas, and writes one that holds a comma, or anything else that could mislead, as a JSON string behind its kind. */
export function alternativeNames(text: string): string[] {
  const names: string[] = [];
  for (const [, kind, quoted, plain] of text.matchAll(/([^:,]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g))
    names.push(`${kind}:${quoted === undefined ? plain : String(JSON.parse(quoted))}`);
  return names;
}
