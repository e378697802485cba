import type { Server, Socket } from 'node:net';
import { createServer } from 'node:tls';
import { reasonOf } from '../core/index.js';
import type { ServerTls } from '../process/index.js';
import type { ConnectionTable } from './connectionTable.js';
import { Handshake } from './handshake.js';

export interface SecureServerParts {
  /** A handshake that is not over by then fails. */
  readonly handshakeMs: number;
  /** Clients hold a place from the moment when they connect. */
  readonly connections: Pick<ConnectionTable<Handshake>, 'add' | 'delete'>;
  /** Whether a client may have a place; where not, its socket is closed. */
  readonly hasRoom: (socket: Socket) => boolean;
  /** Takes an encrypted socket over, and the TCP connection that it runs over. */
  readonly take: (socket: Socket, transport: Socket) => void;
  readonly onFailed: (socket: Socket, why: string) => void;
}

/** The address and port of a client: no two connections to a server have the same. */
export const clientOf = ({ remoteAddress = '', remotePort }: Socket): string => `${remoteAddress}:${remotePort}`;

/** A server whose clients come with an encrypted connection, and a certificate where they must show one. */
export function createSecureServer(
  tls: ServerTls,
  { handshakeMs, connections, hasRoom, take, onFailed }: SecureServerParts,
): Server {
  const begun = new Map<string, { readonly transport: Socket; readonly handshake: Handshake }>();
  const server = createServer({ ...tls.options, allowHalfOpen: true, handshakeTimeout: handshakeMs });
  // Before the handshake begins.
  server.prependListener('connection', (transport: Socket) => {
    if (!hasRoom(transport)) return;
    const client = clientOf(transport);
    const handshake = new Handshake(transport);
    connections.add(handshake);
    begun.set(client, { transport, handshake });
    transport.once('close', () => {
      connections.delete(handshake);
      if (begun.get(client)?.transport === transport) begun.delete(client);
    });
  });
  server.on('secureConnection', (socket) => {
    const client = clientOf(socket);
    const entry = begun.get(client);
    begun.delete(client);
    if (entry === undefined) return void socket.destroy();
    connections.delete(entry.handshake);
    take(socket, entry.transport);
  });
  server.on('tlsClientError', (error, socket) => {
    // Node ends a handshake for a certificate that does not do without another word.
    const { authorizationError: why } = socket as { readonly authorizationError?: Error | string | null };
    onFailed(socket, why ? `its certificate does not do: ${String(why)}` : reasonOf(error));
    socket.destroy();
  });
  tls.follow(server);
  return server;
}
