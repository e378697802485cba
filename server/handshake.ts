import type { Socket } from 'node:net';
import type { Guest } from './connectionTable.js';

/**
 * A client during its TLS handshake. It holds a place among the connections, and is the first to lose it: it has made
 * no request.
 */
export class Handshake implements Guest {
  readonly silent = true;
  readonly idle = true;
  readonly hoardedBytes = 0;
  readonly lastActiveMs = performance.now();
  readonly peer: { readonly address: string };

  constructor(private readonly socket: Socket) {
    this.peer = { address: socket.remoteAddress ?? '' };
  }

  /** Nothing to do: the server ends slow handshakes. */
  look(): void {}

  finish(): void {
    this.destroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  closeAsFull(): void {
    this.destroy();
  }

  closeForAnother(): void {
    this.destroy();
  }
}
