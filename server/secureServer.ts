import type { Server, Socket } from 'node:net';
import { createServer } from 'node:tls';
import { reasonOf } from '../core/index.js';
import type { ServerTls } from '../process/index.js';
import type { ConnectionTable } from './connectionTable.js';
import { Handshake } from './handshake.js';

export interface SecureServerParts {
  /** Time limit for a handshake. */
  readonly handshakeMs: number;
  /** Clients hold a place from the moment they connect. */
  readonly connections: Pick<ConnectionTable<Handshake>, 'add' | 'delete'>;
  /** Whether a client may have a place; if not, its socket is closed. */
  readonly hasRoom: (socket: Socket) => boolean;
  /** Takes over an encrypted socket, and the TCP connection under it. */
  readonly take: (socket: Socket, transport: Socket) => void;
  readonly onFailed: (socket: Socket, why: string) => void;
}

/** A client's address and port, which identify its connection. */
export const clientOf = ({ remoteAddress = '', remotePort }: Socket): string => `${remoteAddress}:${remotePort}`;

/** A server for encrypted connections, with client certificates if required. */
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
    // Node ends a handshake silently if the certificate is not accepted.
    const { authorizationError: why } = socket as { readonly authorizationError?: Error | string | null };
    onFailed(socket, why ? `its certificate does not do: ${String(why)}` : reasonOf(error));
    socket.destroy();
  });
  tls.follow(server);
  return server;
}
