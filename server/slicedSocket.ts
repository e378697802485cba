import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** A line of a request with a token fits. */
const sliceBytes = 512;

/**
 * A connection of which a little is read in one turn of the event loop. Node's HTTP parser takes whatever has come at once, and 64 KB of tiny requests would keep the process from all other work for a
 * second.
 */
export class SlicedSocket extends Duplex {
  #rest: Buffer | undefined;
  #scheduled = false;
  #ended = false;

  constructor(readonly inner: Socket) {
    super();
    inner.on('data', (bytes: Buffer) => {
      inner.pause();
      this.#rest = bytes;
      this.#schedule();
    });
    inner.on('end', () => {
      this.#ended = true;
      this.#schedule();
    });
    inner.on('timeout', () => this.emit('timeout'));
    inner.on('error', (error) => this.destroy(error));
    inner.on('close', () => this.destroy());
  }

  /** As of a TLSSocket. */
  get encrypted(): boolean {
    return this.inner instanceof TLSSocket;
  }

  /** As HTTP servers expect of a socket. */
  setTimeout(timeoutMs: number): this {
    this.inner.setTimeout(timeoutMs);
    return this;
  }

  override _read(): void {
    this.#schedule();
  }

  override _write(bytes: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.inner.write(bytes, encoding, done);
  }

  override _final(done: () => void): void {
    this.inner.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.inner.destroy();
    done(error);
  }

  #schedule(): void {
    if (this.#scheduled || this.destroyed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.destroyed) this.#pass();
    });
  }

  #pass(): void {
    const rest = this.#rest;
    if (rest === undefined) {
      if (this.#ended) this.push(null);
      else this.inner.resume();
      return;
    }
    this.#rest = rest.length > sliceBytes ? rest.subarray(sliceBytes) : undefined;
    if (this.push(rest.subarray(0, sliceBytes))) this.#schedule();
  }
}
