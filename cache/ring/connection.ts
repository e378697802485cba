import type { Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import memjs from 'memjs';
import { RoostError, tlsTrouble, writeSoon } from '../../core/index.js';
import { encodeGets, encodeOperations, opcodes, responseMagic, type CacheOperation } from './protocol.js';

/** The part of memjs's connection that is used here; its own types omit most of it. */
interface MemjsServer {
  /** Called with each complete message. */
  respond(message: Message): void;
  /** Takes received bytes, and calls `respond` for each complete message. */
  responseHandler(bytes: Buffer): void;
  /** Passes the connected socket. */
  sock(sasl: boolean, go: (socket: Socket) => void): void;
  onError(seq: number, callback: (error: Error) => void): void;
  /** Destroys the socket and calls the `onError` listeners. */
  error(error: Error): void;
  options: { timeout: number };
}

interface Message {
  readonly header: {
    readonly magic: number;
    readonly opcode: number;
    readonly status: number;
    readonly opaque: number;
    readonly cas: Buffer;
  };
  readonly val: Buffer;
}

export interface Reply {
  readonly status: number;
  /** Eight bytes that change with the entry. Absent if the answer has none. */
  readonly cas: Buffer;
  readonly value: Buffer;
  /** The connection that it came on; `cas` is valid on no other. */
  readonly connection: Connection;
}

/** Commands that were sent together. Answers come in their order. */
interface Batch {
  readonly first: number;
  /** The place of the answer that ends the batch. */
  readonly last: number;
  readonly replies: (Reply | undefined)[];
  settle: ((error?: RoostError) => void) | undefined;
}

/** The most commands in a batch, so that its numbers stay apart from those of the batch before. */
export const batchOperations = 10_000;

/**
 * One connection to a node, for its lifetime. memjs connects, splits the stream into messages and parses them.
 * Requests, their order and their time limits are ours: memjs's client has no compare-and-set, sends each get by
 * itself, and loses requests when a socket closes (docs/decisions/0030).
 *
 * A broken connection is never used again: no late answer can be mistaken for a newer one, and a compare-and-set
 * number has no meaning on another connection, because a restarted node counts from the beginning.
 */
export class Connection {
  readonly #server: MemjsServer;
  readonly #batches: Batch[] = [];
  #head = 0;
  #opaque = 0;
  #socket: Socket | undefined;
  #waiting: Buffer[] | undefined = [];
  #dead: RoostError | undefined;

  constructor(
    readonly name: string,
    connectTimeoutMs: number,
    tls?: () => ConnectionOptions,
  ) {
    const at = name.lastIndexOf(':');
    const options = { timeout: 3600, conntimeout: connectTimeoutMs / 1000 };
    const Server = (
      memjs as unknown as {
        Server: new (host: string, port: number, user: string, password: string, options: object) => MemjsServer;
      }
    ).Server;
    const [host, port] = [name.slice(0, at), Number(name.slice(at + 1))];
    this.#server = new Server(host, port, '', '', options);
    this.#server.respond = (message) => this.#take(message);
    this.#server.onError(0, (error) => this.#die(error.message, error));
    if (tls === undefined) this.#server.sock(false, (socket) => this.#connected(socket));
    else this.#connectSecurely(host, port, connectTimeoutMs, tls);
  }

  #connected(socket: Socket): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.once('close', () => this.#die('the connection was closed'));
    for (const request of this.#waiting ?? []) writeSoon(socket, request);
    this.#waiting = undefined;
  }

  /** memjs only connects without TLS; it does not care where the bytes come from. */
  #connectSecurely(host: string, port: number, timeoutMs: number, tls: () => ConnectionOptions): void {
    try {
      const socket = connectTls({ host, port, timeout: timeoutMs, ...tls() });
      this.#socket = socket;
      socket.once('timeout', () => this.#die(`no encrypted connection within ${timeoutMs} ms`));
      socket.on('error', (error: Error) => this.#die(tlsTrouble(error) ?? error.message, error));
      socket.once('close', () => this.#die('the connection was closed'));
      socket.once('secureConnect', () => {
        socket.setTimeout(0);
        socket.on('data', (bytes: Buffer) => this.#server.responseHandler(bytes));
        this.#connected(socket);
      });
    } catch (error) {
      this.#die(RoostError.from(error).message, error);
    }
  }

  /** Why it broke; undefined while it is usable. */
  get dead(): RoostError | undefined {
    return this.#dead;
  }

  /**
   * The entries of keys, by place; undefined for each missing one. Rejects with `Unavailable` or `DeadlineExceeded`.
   */
  async get(keys: readonly string[], deadlineMs: number): Promise<(Reply | undefined)[]> {
    // A single get needs no end marker: it is answered whether or not the entry exists.
    if (keys.length === 1) return this.execute([{ opcode: opcodes.get, key: keys[0]! }], deadlineMs);
    const first = this.#reserve(keys.length + 1);
    return this.#send(encodeGets(keys, first), first, keys.length, deadlineMs);
  }

  /** Executes commands in order; each has its own answer. */
  async execute(operations: readonly CacheOperation[], deadlineMs: number): Promise<Reply[]> {
    const first = this.#reserve(operations.length);
    return (await this.#send(encodeOperations(operations, first), first, operations.length - 1, deadlineMs)) as Reply[];
  }

  close(why = 'it was closed'): void {
    this.#die(why);
  }

  #reserve(count: number): number {
    // Numbers do not wrap within a batch.
    if (this.#opaque + count > 0xffffffff) this.#opaque = 0;
    const first = this.#opaque;
    this.#opaque += count;
    return first;
  }

  #send(request: Buffer, first: number, lastPlace: number, deadlineMs: number): Promise<(Reply | undefined)[]> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    return new Promise((resolve, reject) => {
      const replies = new Array<Reply | undefined>(lastPlace).fill(undefined);
      const batch: Batch = { first, last: first + lastPlace, replies, settle: undefined };
      const timer = setTimeout(() => {
        // Answers that arrived while this process was busy count as in time: the socket is read between a timer and
        // an immediate.
        setImmediate(() =>
          batch.settle?.(
            new RoostError('DeadlineExceeded', `cache node ${this.name} did not answer in ${deadlineMs} ms`, {
              fields: { node: this.name },
            }),
          ),
        );
      }, deadlineMs);
      batch.settle = (error) => {
        batch.settle = undefined;
        clearTimeout(timer);
        if (error === undefined) resolve(replies);
        else reject(error);
      };
      this.#batches.push(batch);
      if (this.#waiting === undefined) writeSoon(this.#socket!, request);
      else this.#waiting.push(request);
    });
  }

  #take(message: Message): void {
    if (this.#dead !== undefined) return;
    const { magic, opaque, opcode, status, cas } = message.header;
    const batch = this.#batches[this.#head];
    if (magic !== responseMagic || batch === undefined || opaque < batch.first || opaque > batch.last)
      return this.#die('it answered what was not asked');
    if (opcode !== opcodes.noop)
      batch.replies[opaque - batch.first] = { status, cas, value: message.val, connection: this };
    if (opaque !== batch.last) return;
    this.#head++;
    // Compacted from time to time, so that taking an answer costs no more in a longer queue.
    if (this.#head > 256 || this.#head === this.#batches.length) {
      this.#batches.splice(0, this.#head);
      this.#head = 0;
    }
    batch.settle?.();
  }

  #die(why: string, cause?: unknown): void {
    if (this.#dead !== undefined) return;
    this.#dead = new RoostError('Unavailable', `cache node ${this.name}: ${why}`, {
      fields: { node: this.name },
      cause,
    });
    this.#waiting = [];
    this.#server.error(this.#dead);
    this.#socket?.destroy();
    for (const batch of this.#batches.splice(0)) batch.settle?.(this.#dead);
    this.#head = 0;
  }
}
