import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Guest } from './connectionTable.js';

/** A connection to the admin port, from its first moment: while it is being encrypted, and between requests too. */
export class AdminConnection implements Guest {
  readonly peer: { readonly address: string };
  readonly hoardedBytes = 0;
  lastActiveMs = performance.now();
  #known = false;
  #requests = 0;
  #last: ServerResponse | undefined;

  constructor(private readonly socket: Socket) {
    this.peer = { address: socket.remoteAddress ?? '' };
  }

  get idle(): boolean {
    return this.#requests === 0;
  }

  get silent(): boolean {
    return !this.#known && this.idle;
  }

  /** Somebody who is known asked for something. */
  makeKnown(): void {
    this.#known = true;
  }

  /** Whether the request before is answered, as far as this process goes: its client may have the answer before the socket says so. */
  get mayAsk(): boolean {
    return this.#last?.writableEnded !== false;
  }

  /** A request came. */
  begin(response: ServerResponse): void {
    this.#last = response;
    this.#requests++;
  }

  /** It was answered, or its client has gone. */
  end(): void {
    this.#requests--;
    this.lastActiveMs = performance.now();
  }

  closeAsFull(): void {
    this.socket.destroy();
  }

  closeForAnother(): void {
    this.socket.destroy();
  }
}
