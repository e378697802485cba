import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Peer } from '../access/index.js';

/** The peer of a connected socket; of an encrypted one, after its handshake. */
export function peerOf(socket: Socket): Peer {
  const address = socket.remoteAddress ?? '';
  if (!(socket instanceof TLSSocket) || !socket.authorized) return { address };
  const { subject, subjectaltname: names } = socket.getPeerCertificate();
  return { address, certificate: { commonName: nameOf(subject.CN), names: alternativeNames(names ?? '') } };
}

/** A subject with several common names has no name. */
const nameOf = (commonName: unknown): string | undefined => (typeof commonName === 'string' ? commonName : undefined);

/**
 * Node separates names by commas, and writes a name with a comma or another misleading character as a JSON string
 * after its kind.
 */
export function alternativeNames(text: string): string[] {
  const names: string[] = [];
  for (const [, kind, quoted, plain] of text.matchAll(/([^:,]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g))
    names.push(`${kind}:${quoted === undefined ? plain : String(JSON.parse(quoted))}`);
  return names;
}
