import type { Socket } from 'node:net';

/**
 * Writes to a socket together with everything else written to it in this turn of the event loop: one system call for
 * many small messages. Returns what `write` returns.
 */
export function writeSoon(socket: Socket, bytes: Uint8Array): boolean {
  if (socket.writableCorked === 0) {
    socket.cork();
    process.nextTick(() => socket.uncork());
  }
  return socket.write(bytes);
}
