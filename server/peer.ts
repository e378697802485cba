import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Peer } from '../access/index.js';

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
