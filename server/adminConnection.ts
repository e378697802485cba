import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Guest } from './connectionTable.js';

/** A connection to the admin port over its whole life: during the TLS handshake, and between requests. */
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

  /** A known caller has made a request. */
  makeKnown(): void {
    this.#known = true;
  }

  /** Whether the request before is answered, as far as this process goes: its client may have the answer before the socket says so. */
  get mayAsk(): boolean {
    return this.#last?.writableEnded !== false;
  }

  /** A request arrived. */
  begin(response: ServerResponse): void {
    this.#last = response;
    this.#requests++;
  }

  /** The request was answered, or its client disconnected. */
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
