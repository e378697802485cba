import type { Socket } from 'node:net';
import { RoostError, writeSoon } from '../../core/index.js';
import { BinaryReader, callBounds, MessageSplitter } from '../wire/index.js';
import { AnswerWriter } from './answerWriter.js';
import type { ProcessorFactory, ThriftProcessor } from './requestGate.js';
import type { ServerLoad } from './serverLoad.js';

export type CloseReason = 'malformed' | 'idle' | 'full' | 'error';

/**
 * One client. Framed requests run side by side, and each is answered when it is done: such clients match answers by sequence id.
 * Unframed requests run one after the other, because the clients of 2010 that use this transport expect answers in the order of their calls.
 */
export class ThriftConnection {
  readonly #splitter = new MessageSplitter();
  readonly #processor: ThriftProcessor;
  /** Unframed requests that wait for their turn. */
  readonly #waiting: Buffer[] = [];
  #inFlight = 0;
  /** Bytes of requests that wait or are being answered. */
  #requestBytes = 0;
  #heldBytes = 0;
  #lastActiveMs = performance.now();
  /** No more requests are taken; the connection ends after the last answer. */
  #finishing = false;

  constructor(
    private readonly socket: Socket,
    private readonly load: ServerLoad,
    processor: ProcessorFactory,
    private readonly onClose: (connection: ThriftConnection) => void,
    private readonly onFault: (reason: CloseReason, error: RoostError) => void,
  ) {
    this.#processor = processor({ refusal: () => load.refusal(this.#inFlight) });
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => {
      this.#account();
      this.#resume();
    });
    socket.on('end', () => this.finish());
    // A reset by the client is an end like any other; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onSocketClose());
  }

  /** Takes no more requests, answers those that have come, and then closes. */
  finish(): void {
    this.#finishing = true;
    this.#endWhenDone();
  }

  /** Closes at once. */
  destroy(): void {
    this.socket.destroy();
  }

  closeIfIdle(idleMs: number): void {
    if (this.#inFlight > 0 || performance.now() - this.#lastActiveMs <= idleMs) return;
    this.#fault('idle', new RoostError('DeadlineExceeded', `no whole request for ${idleMs} ms`));
  }

  #onData(chunk: Buffer): void {
    if (this.#finishing) return;
    try {
      for (const message of this.#splitter.push(chunk)) {
        this.#lastActiveMs = performance.now();
        this.#requestBytes += message.length;
        if (this.#splitter.framed) this.#process(message);
        else this.#waiting.push(message);
      }
      this.#processNext();
      this.#account();
    } catch (error) {
      this.#fault('malformed', RoostError.from(error));
    }
  }

  #processNext(): void {
    if (this.#inFlight > 0) {
      if (this.#waiting.length > 0) this.socket.pause();
      return;
    }
    const message = this.#waiting.shift();
    if (message !== undefined) this.#process(message);
    else this.#resume();
  }

  #process(message: Buffer): void {
    this.#inFlight++;
    this.load.inFlight++;
    let answered = false;
    const send = (answer: Buffer): void => {
      if (answered || this.socket.destroyed) return;
      answered = true;
      this.#inFlight--;
      this.load.inFlight--;
      this.#requestBytes -= message.length;
      this.#lastActiveMs = performance.now();
      this.#answer(answer);
    };
    const output = new AnswerWriter(this.#splitter.framed === true, send, (error) => this.onFault('error', RoostError.from(error)));
    this.#processor.process(new BinaryReader(message, callBounds), output);
  }

  #answer(answer: Buffer): void {
    // A client that does not take its answers is not read from either.
    if (!writeSoon(this.socket, answer)) this.socket.pause();
    this.#account();
    if (!this.#splitter.framed) this.#unframedTurn();
    if (this.#finishing) this.#endWhenDone();
  }

  #unframedTurn(): void {
    try {
      this.#processNext();
    } catch (error) {
      this.#fault('malformed', RoostError.from(error));
    }
  }

  #resume(): void {
    if (this.#waiting.length === 0 && !this.socket.writableNeedDrain) this.socket.resume();
  }

  #endWhenDone(): void {
    if (this.#inFlight === 0 && this.#waiting.length === 0) this.socket.destroySoon();
  }

  #account(): void {
    if (this.socket.destroyed) return;
    this.#setHeldBytes(this.#splitter.pendingBytes + this.#requestBytes + this.socket.writableLength);
    const { heldBytes } = this.load.limits;
    if (this.load.heldBytes > heldBytes) this.#fault('full', new RoostError('Overloaded', `the server holds its limit of ${heldBytes} bytes of requests`));
  }

  #setHeldBytes(bytes: number): void {
    this.load.heldBytes += bytes - this.#heldBytes;
    this.#heldBytes = bytes;
  }

  #fault(reason: CloseReason, error: RoostError): void {
    if (this.socket.destroyed) return;
    this.onFault(reason, error);
    this.destroy();
  }

  #onSocketClose(): void {
    this.load.inFlight -= this.#inFlight;
    this.#inFlight = 0;
    this.#setHeldBytes(0);
    this.#waiting.length = 0;
    this.onClose(this);
  }
}
