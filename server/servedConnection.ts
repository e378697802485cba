import type { Socket } from 'node:net';
import type { CallerAccess, Peer, PortAccess } from '../access/index.js';
import { Cancellation, limits, RoostError, type Tracing, writeSoon } from '../core/index.js';
import {
  AccessProcessor,
  BinaryReader,
  callBounds,
  errorToThrift,
  isMalformed,
  isOversized,
  MessageSplitter,
} from '../wire/index.js';
import { AnswerWriter } from './answerWriter.js';
import { authenticateMethod } from './authenticateMethod.js';
import type { Caller } from './caller.js';
import { methodOf, seqidOf, setSeqid, type CallHead } from './callHead.js';
import type { CallQueue } from './callQueue.js';
import type { Guest } from './connectionTable.js';
import type { ServerLoad } from './serverLoad.js';
import type { LoopPauses } from './loopPauses.js';
import { peerOf } from './peer.js';
import { ReadingPause } from './readingPause.js';
import type { ReadingTurns } from './readingTurns.js';
import type { Slab } from './slab.js';
import type { ServiceSession, ThriftService } from './thriftService.js';

const frameHeadBytes = 4;
/** The most that Node takes from the kernel at once. */
const fullReadBytes = 65_536;

export type CloseReason =
  'malformed' | 'idle' | 'incomplete' | 'untaken' | 'full' | 'connections' | 'unauthenticated' | 'revoked' | 'error';

/** What a connection shares with its server and other connections. */
export interface ConnectionParts {
  readonly socket: Socket;
  /** The TCP connection: `socket` itself, or the one under an encrypted socket. */
  readonly transport: Socket;
  readonly load: ServerLoad;
  readonly pauses: LoopPauses;
  readonly queue: CallQueue;
  readonly reading: ReadingTurns;
  readonly slab: Slab;
  readonly service: ThriftService;
  readonly name: string;
  readonly tracing: Tracing | undefined;
  readonly access: PortAccess;
  readonly onClose: (connection: ServedConnection) => void;
  /** Requests were refused; the one read first had waited this long. */
  readonly onRefused: (waitedMs: number) => void;
  readonly onFault: (reason: CloseReason, error: RoostError) => void;
  /** The server may be over its memory limit. */
  readonly onHeld: () => void;
}

/** A request, when it was read, and the earliest moment at which it may have arrived. */
interface Request {
  readonly message: Buffer;
  readonly readMs: number;
  readonly arrivedMs: number;
}

/**
 * One client. Framed requests run concurrently, and each is answered when it is done: such clients match answers by
 * sequence id. Unframed requests run one after the other, because the clients of 2010 that use this transport expect
 * answers in order.
 */
export class ServedConnection implements Caller, Guest {
  readonly closed = new Cancellation();
  readonly ended = new Cancellation();
  readonly load: ServerLoad;
  readonly peer: Peer;
  readonly access: CallerAccess;
  readonly service: string;
  readonly tracing: Tracing | undefined;
  /** When the last request arrived or was answered. */
  lastActiveMs = performance.now();
  readonly #sinceMs = this.lastActiveMs;
  #silent = true;
  readonly #socket: Socket;
  readonly #splitter: MessageSplitter;
  readonly #session: ServiceSession;
  /** Unframed requests that wait for the previous one. */
  readonly #waiting: Request[] = [];
  /** When the held incomplete request may have begun to arrive. */
  #pendingSinceMs = Infinity;
  /** When the request that begins may have arrived. */
  #arrivedMs = 0;
  /** While answers are unread, or requests wait for the previous one, nothing is read. */
  readonly #pause = new ReadingPause();
  #resumedIn = -1;
  /** Whether read bytes wait for their turn. */
  #parked = false;
  /** Requests that wait for their turn or run. */
  #inFlight = 0;
  #requestBytes = 0;
  /** Refusals that are sent at the end of this step of the event loop; `#refusedReadMs` is when the first request was read. */
  readonly #refusals: Buffer[] = [];
  readonly #refusedSeqids: number[] = [];
  #refusalBytes = 0;
  #refusedReadMs = 0;
  #heldBytes = 0;
  /**
   * Looks in a row at the connection that have found the same request incomplete, and an answer of which nothing was
   * read since.
   */
  #incompleteLooks = 0;
  #untakenLooks = 0;
  #bytesWritten = 0;
  #bytesRead = 0;
  /** Takes no more requests; the connection ends after the last answer. */
  #finishing = false;
  #hasShownToken = false;
  #revoking: NodeJS.Timeout | undefined;

  constructor(private readonly parts: ConnectionParts) {
    const { socket, load, service } = parts;
    this.load = load;
    this.service = parts.name;
    this.tracing = parts.tracing;
    this.peer = peerOf(socket);
    this.#socket = socket;
    this.access = parts.access.enter(this.peer, () => this.#revoke());
    this.#splitter = new MessageSplitter(this.access.isKnown ? load.limits.requestBytes : limits.unknownCallerBytes);
    this.#session = service.open(this);
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => {
      this.#account();
      this.#resume();
    });
    socket.on('end', () => {
      this.ended.cancel();
      this.finish();
    });
    // A reset by the client is an ordinary end; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onSocketClose());
  }

  /** Whether no known caller ever sent a whole request. Such connections are the first to make room for others. */
  get silent(): boolean {
    return this.#silent || !this.access.isKnown;
  }

  /** Whether nothing is in progress: no request runs or is arriving, and no answer is unread. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.hoardedBytes === 0 && !this.#parked;
  }

  /** Bytes held for the client alone: of incomplete requests and unread answers. */
  get hoardedBytes(): number {
    return this.#splitter.pendingBytes + this.#socket.writableLength;
  }

  waitedMs(): number {
    return Math.max(0, Math.floor(performance.now() - this.#arrivedMs));
  }

  /** Takes no more requests, answers those that have arrived, and closes. */
  finish(): void {
    this.#finishing = true;
    this.#endWhenDone();
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  closeAsFull(): void {
    const { heldBytes } = this.load.limits;
    this.#fault(
      'full',
      new RoostError(
        'Overloaded',
        `the server holds its limit of ${heldBytes} bytes, and ${this.hoardedBytes} of them for this client`,
      ),
    );
  }

  closeForAnother(): void {
    this.#fault(
      'connections',
      new RoostError('Overloaded', 'the connection was idle, and another client needed its place'),
    );
  }

  /**
   * A periodic look, `everyMs` apart. It counts looks rather than time: a process that stood still has read nothing
   * meanwhile.
   */
  look(everyMs: number): void {
    const { idleMs, incompleteMs, unknownMs } = this.load.limits;
    const patience = Math.ceil(incompleteMs / everyMs);
    this.#incompleteLooks = this.#splitter.pendingBytes > 0 && !this.#socket.isPaused() ? this.#incompleteLooks + 1 : 0;
    this.#untakenLooks =
      this.#socket.writableLength > 0 && this.parts.transport.bytesWritten === this.#bytesWritten
        ? this.#untakenLooks + 1
        : 0;
    this.#bytesWritten = this.parts.transport.bytesWritten;
    if (this.#incompleteLooks > patience)
      this.#fault('incomplete', new RoostError('DeadlineExceeded', `a request was incomplete for ${incompleteMs} ms`));
    else if (this.#untakenLooks > patience)
      this.#fault(
        'untaken',
        new RoostError('DeadlineExceeded', `the client read nothing of its answer for ${incompleteMs} ms`),
      );
    else if (!this.access.isKnown && performance.now() - this.#sinceMs > unknownMs)
      this.#fault(
        'unauthenticated',
        new RoostError('DeadlineExceeded', `the client did not identify itself for ${unknownMs} ms`),
      );
    else if (this.#inFlight === 0 && performance.now() - this.lastActiveMs > idleMs)
      this.#fault('idle', new RoostError('DeadlineExceeded', `no complete request for ${idleMs} ms`));
  }

  #onData(chunk: Buffer): void {
    const nowMs = performance.now();
    const { bytesRead } = this.parts.transport;
    const readBytes = bytesRead - this.#bytesRead;
    this.#bytesRead = bytesRead;
    // A read smaller than the maximum leaves nothing behind, unless it was made before reading resumed. One read may
    // come in several encrypted records.
    if (readBytes > 0 && readBytes < fullReadBytes && this.parts.reading.count !== this.#resumedIn)
      this.#pause.caughtUp();
    const inTime = this.parts.reading.hasTime(nowMs, () => {
      this.#parked = false;
      this.#read(chunk, nowMs);
      this.#resume();
    });
    if (inTime) this.#read(chunk, nowMs);
    else {
      this.#parked = true;
      this.#stopReading();
    }
  }

  #read(chunk: Buffer, nowMs: number): void {
    if (this.#finishing || this.#socket.destroyed) return;
    try {
      const sinceMs = Math.min(this.parts.pauses.arrivedSinceMs(nowMs), this.#pause.arrivedSinceMs(nowMs));
      let arrivedMs = Math.min(sinceMs, this.#pendingSinceMs);
      for (const message of this.#splitter.push(chunk)) {
        // Behind a token that was refused.
        if (this.#finishing) break;
        this.lastActiveMs = nowMs;
        this.#silent = false;
        this.#incompleteLooks = 0;
        this.#requestBytes += message.length;
        if (this.#splitter.framed) this.#enqueue(message, nowMs, arrivedMs);
        else this.#waiting.push({ message, readMs: nowMs, arrivedMs });
        arrivedMs = sinceMs;
      }
      this.#pendingSinceMs = this.#splitter.pendingBytes > 0 ? arrivedMs : Infinity;
      this.#nextInOrder();
      this.#account();
      if (this.load.heldBytes > this.load.limits.heldBytes) this.parts.onHeld();
    } catch (error) {
      this.#fault('malformed', RoostError.from(error));
    }
  }

  #nextInOrder(): void {
    if (this.#inFlight > 0) {
      if (this.#waiting.length > 0) this.#stopReading();
      return;
    }
    const request = this.#waiting.shift();
    if (request !== undefined) this.#enqueue(request.message, request.readMs, request.arrivedMs);
    else this.#resume();
  }

  #enqueue(message: Buffer, readMs: number, arrivedMs: number): void {
    this.#inFlight++;
    try {
      this.#queue(message, readMs, arrivedMs);
    } catch (error) {
      this.#failed(message, this.#outputTo(message), error);
    }
  }

  #queue(message: Buffer, readMs: number, arrivedMs: number): void {
    const head = this.#session.head(message);
    const isToken = head.method === authenticateMethod;
    if (isToken && !this.#hasShownToken) return this.#authenticate(message, head, readMs);
    const { connectionInFlight, heldBytes } = this.load.limits;
    const refusal =
      (isToken ? this.access.refusalOfToken() : this.access.refusalOf(head.method)) ??
      (this.#inFlight > connectionInFlight
        ? this.load.connectionFull
        : this.load.heldBytes + message.length > heldBytes
          ? this.load.bytesFull
          : this.parts.queue.full(head));
    // A call that is refused at once is not decoded: there may be very many.
    if (refusal !== undefined) this.#refuse(message, head, readMs, refusal);
    else
      this.parts.queue.push({
        head,
        readMs,
        gone: () => this.#socket.destroyed,
        start: () => {
          this.#arrivedMs = arrivedMs;
          this.#start(message, head, readMs);
        },
        refuse: (error) => this.#refuse(message, head, readMs, error),
      });
  }

  #start(message: Buffer, head: CallHead, readMs: number): void {
    this.#process(message, head, readMs, (output) => this.#session.process(message, output));
  }

  #process(message: Buffer, head: CallHead, readMs: number, work: (output: AnswerWriter) => void): void {
    const output = this.#outputTo(message);
    try {
      work(output);
    } catch (error) {
      if (isOversized(error)) this.#refuse(message, head, readMs, error);
      else this.#failed(message, output, error);
    }
  }

  /**
   * Handled at once, so that the calls after it already belong to its owner. A connection whose token is refused ends
   * with the answer.
   */
  #authenticate(message: Buffer, head: CallHead, readMs: number): void {
    this.#hasShownToken = true;
    const authenticate = (token: string | null, done: (refusal: Error | null) => void): void => {
      try {
        this.access.authenticate(token ?? '');
        this.#splitter.maxBytes = this.load.limits.requestBytes;
        done(null);
      } catch (error) {
        const refusal = RoostError.from(error);
        if (!this.access.isKnown) {
          this.parts.onFault('unauthenticated', refusal);
          this.#finishing = true;
        }
        done(errorToThrift(refusal));
      }
    };
    this.#process(message, head, readMs, (output) =>
      new AccessProcessor({ authenticate }).process(new BinaryReader(message, callBounds), output),
    );
  }

  /** Answers running calls for a while, and closes. */
  #revoke(): void {
    this.parts.onFault(
      'revoked',
      new RoostError('Unauthenticated', 'the token or certificate of the client is no longer valid'),
    );
    this.#revoking = setTimeout(() => this.destroy(), limits.revokedGraceMs);
    this.finish();
  }

  /**
   * Bytes that are no message end the connection, since the next message could not be found. Anything else is our
   * mistake: the call is answered, and the connection continues.
   */
  #failed(message: Buffer, output: AnswerWriter, error: unknown): void {
    const known = RoostError.from(error);
    if (isMalformed(error)) return this.#fault('malformed', known);
    this.parts.onFault('error', known);
    output.writeFailure(methodOf(message), seqidOf(message), 'the call failed before it began');
  }

  #outputTo(message: Buffer): AnswerWriter {
    return new AnswerWriter(this.#splitter.framed === true, this.#answerTo(message), (error) =>
      this.parts.onFault('error', RoostError.from(error)),
    );
  }

  /** Refusals leave together: writing each one to the socket would cost more than everything else about them. */
  #refuse(message: Buffer, head: CallHead, readMs: number, error: RoostError): void {
    if (this.#refusals.length === 0) {
      this.#refusedReadMs = readMs;
      process.nextTick(() => this.#sendRefusals());
    }
    const answer = this.#session.refusal(message, head, error);
    this.#refusals.push(answer);
    this.#refusedSeqids.push(seqidOf(message));
    this.#refusalBytes += answer.length;
    this.#requestBytes -= message.length;
  }

  #sendRefusals(): void {
    const answers = this.parts.slab.take(this.#refusalBytes);
    let at = 0;
    for (const [i, answer] of this.#refusals.entries()) {
      answers.set(answer, at);
      setSeqid(answers, at, this.#refusedSeqids[i]!);
      at += answer.length;
    }
    this.#inFlight -= this.#refusals.length;
    this.#refusals.length = 0;
    this.#refusedSeqids.length = 0;
    this.#refusalBytes = 0;
    if (this.#socket.destroyed) return;
    this.parts.onRefused(performance.now() - this.#refusedReadMs);
    // Without frames only one request runs at a time.
    this.#answer(this.#splitter.framed === true ? answers : answers.subarray(frameHeadBytes));
  }

  /** Bytes that are no message close the connection. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fault('malformed', RoostError.from(error));
    }
  }

  /** Takes the answer to one request; only the first counts. */
  #answerTo(message: Buffer): (answer: Buffer) => void {
    let answered = false;
    return (answer) => {
      if (answered || this.#socket.destroyed) return;
      answered = true;
      this.#inFlight--;
      this.#requestBytes -= message.length;
      this.lastActiveMs = performance.now();
      this.#answer(answer);
    };
  }

  #answer(answer: Buffer): void {
    // A client that does not read its answers is not read from either.
    if (!writeSoon(this.#socket, answer)) this.#stopReading();
    this.#account();
    if (this.#splitter.framed === false) this.#guarded(() => this.#nextInOrder());
    if (this.#finishing) this.#endWhenDone();
    if (this.load.heldBytes > this.load.limits.heldBytes) this.parts.onHeld();
  }

  #stopReading(): void {
    this.#pause.begin(performance.now());
    this.#socket.pause();
  }

  #resume(): void {
    if (this.#parked || this.#waiting.length > 0 || this.#socket.writableNeedDrain || !this.#socket.isPaused()) return;
    this.#pause.end(performance.now());
    this.#resumedIn = this.parts.reading.count;
    this.#socket.resume();
  }

  #endWhenDone(): void {
    if (this.#inFlight === 0 && this.#waiting.length === 0) this.#socket.destroySoon();
  }

  #account(): void {
    if (!this.#socket.destroyed) this.#setHeldBytes(this.#requestBytes + this.hoardedBytes);
  }

  #setHeldBytes(bytes: number): void {
    this.load.heldBytes += bytes - this.#heldBytes;
    this.#heldBytes = bytes;
  }

  #fault(reason: CloseReason, error: RoostError): void {
    if (this.#socket.destroyed) return;
    this.parts.onFault(reason, error);
    this.destroy();
    this.#release();
    // Its place is free now, before the socket reports its close.
    this.parts.onClose(this);
  }

  #onSocketClose(): void {
    this.#release();
    this.ended.cancel();
    this.closed.cancel();
    this.parts.onClose(this);
  }

  #release(): void {
    clearTimeout(this.#revoking);
    this.access.leave();
    this.#setHeldBytes(0);
    this.#waiting.length = 0;
  }
}
