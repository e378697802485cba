import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { deadlineExceeded, isRoostError, limits, RoostError, writeSoon, type Deadline } from '../core/index.js';
import {
  AccessClient,
  BinaryReader,
  errorFromThrift,
  MessageSplitter,
  RoostException,
  type RoostTypes,
} from '../wire/index.js';
import type { ServerAddress } from './address.js';
import { openSocket, refusedTls } from './openSocket.js';
import { ThriftClient, type Generated } from './thriftClient.js';
import { tokenFor } from './token.js';
import { Turns } from './turns.js';

/** A server that is busy for a moment does not count as dead, however short the deadlines are. */
const minProbeMs = 250;

/** Makes one call. `within` tells the server the time that is left, and the trace that the call belongs to. */
export type Invoke<C, T> = (client: C, within: RoostTypes.ReadOptions) => Promise<T>;

/** Is told the method of a call once it has been sent. */
export interface SentCall {
  sent(method: string): void;
}

/** A Thrift service to connect to. */
export interface Service<C extends object> {
  readonly Client: Generated<C>;
  /** The largest call that it accepts. Absent: limits.messageBytes. */
  readonly requestBytes?: number;
  /**
   * A cheap call to a server that has been silent for half a deadline. Absent: the server is given up at the
   * deadline.
   */
  readonly probe?: (client: C) => Promise<unknown>;
}

/**
 * One TCP connection to one server: framed, with any number of calls in flight, matched to answers by sequence id. A
 * failed connection stays failed; every further call on it fails with `Unavailable`, which a retry elsewhere may
 * cure.
 */
export class ThriftConnection<C extends object> {
  readonly #client: ThriftClient<C>;
  /** The access service, which every port offers beside its own. */
  readonly #access: ThriftClient<AccessClient>;
  readonly #splitter = new MessageSplitter();
  readonly #turns = new Turns(limits.clientInFlight, limits.clientWaiting);
  readonly #socketClosed: Promise<void>;
  #failure: RoostError | undefined;
  #receivedAtMs = 0;
  #silent = false;
  #probing: NodeJS.Timeout | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly server: string,
    private readonly service: Service<C>,
  ) {
    const send = (message: Buffer): unknown => writeSoon(this.socket, message);
    this.#client = new ThriftClient(service.Client, send, service.requestBytes);
    this.#access = new ThriftClient(AccessClient, send);
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) => this.#fail(`the connection broke: ${error.message}`, error));
    this.#socketClosed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#fail(`the server closed the connection${this.answered ? '' : mayBeWhy(socket)}`);
        resolve();
      });
    });
  }

  /**
   * Connects, and presents the token. Throws as `openSocket`, and `Unauthenticated` if the server does not accept the
   * token.
   */
  static async open<C extends object>(
    address: ServerAddress,
    service: Service<C>,
    deadline: Deadline,
  ): Promise<ThriftConnection<C>> {
    const server = `${address.host}:${address.port}`;
    for (let again = false; ; again = true) {
      const token = tokenFor(address);
      const connection = new ThriftConnection(await openSocket(address, deadline), server, service);
      try {
        if (token !== undefined) await connection.#authenticate(token, deadline);
        return connection;
      } catch (error) {
        await connection.close();
        // The token file may have been read during its replacement.
        if (again || !isRoostError(error, 'Unauthenticated') || tokenFor(address) === token) throw error;
      }
    }
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether the server has ever sent anything on it. */
  get answered(): boolean {
    return this.#receivedAtMs > 0;
  }

  /** Whether it was given up because the server went silent. */
  get silent(): boolean {
    return this.#silent;
  }

  /**
   * Throws the server's error, `DeadlineExceeded`, or `Unavailable` if the connection fails before the answer. A
   * service's own exception becomes the `cause` of an `Internal`.
   */
  call<T>(invoke: Invoke<C, T>, deadline: Deadline, call?: SentCall): Promise<T> {
    return this.#turns.run(() => this.#send(invoke, deadline, call), deadline);
  }

  /** Fails the calls in flight and every later one. */
  #fail(why: string, cause?: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = refusedTls(this.server, cause) ?? unavailable(this.server, why, cause);
    clearTimeout(this.#probing);
    this.socket.destroy();
    const error = refusedTls(this.server, cause) ?? unavailable(this.server, why, cause, { sent: true });
    this.#client.failAll(error);
    this.#access.failAll(error);
  }

  /** Fails the calls in flight, and waits until the socket is closed. */
  async close(): Promise<void> {
    this.#fail('the client was closed');
    await this.#socketClosed;
  }

  async #authenticate(token: string, deadline: Deadline): Promise<void> {
    try {
      await deadline.race(this.#access.client.authenticate(token), 'showing the token');
    } catch (thrown) {
      // Servers of earlier releases have no access control.
      if (thrown instanceof Error && thrown.name === 'TApplicationException') return;
      throw this.#toRoostError(thrown);
    }
  }

  async #send<T>(invoke: Invoke<C, T>, deadline: Deadline, call: SentCall | undefined): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    const remainingMs = deadline.remainingMs();
    if (remainingMs === 0) throw deadlineExceeded('the call');
    const sentAtMs = performance.now();
    const answer = invoke(this.#client.client, withinOf(remainingMs, deadline));
    const seqid = this.#client.lastSeqid;
    call?.sent(this.#client.lastMethod);
    let timer = setTimeout(() => {
      if (this.#receivedAtMs < sentAtMs) this.#probe(remainingMs / 4);
      timer = setTimeout(() => {
        this.#client.fail(seqid, deadlineExceeded(`the call to ${this.server}`));
        if (this.service.probe === undefined && this.#receivedAtMs < sentAtMs) this.#giveUp();
      }, deadline.remainingMs());
    }, remainingMs / 2);
    try {
      const result = await answer;
      this.#turns.widen();
      return result;
    } catch (thrown) {
      const error = this.#toRoostError(thrown);
      if (error.fields['load'] !== undefined) this.#turns.narrow();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Makes a cheap call. A working server answers it, however long its other calls take; a silent one counts as dead,
   * so that calls in flight can go elsewhere in time.
   */
  #probe(waitMs: number): void {
    const { probe } = this.service;
    if (probe === undefined || this.#probing !== undefined || this.failed) return;
    const sentAtMs = performance.now();
    // Any answer counts, even an error. If none comes, the calls in flight fail.
    probe(this.#client.client).catch(() => undefined);
    this.#probing = setTimeout(
      () => {
        this.#probing = undefined;
        if (this.#receivedAtMs < sentAtMs) this.#giveUp();
      },
      Math.max(waitMs, minProbeMs),
    );
  }

  #giveUp(): void {
    this.#silent = true;
    this.#fail('it does not answer');
  }

  #toRoostError(error: unknown): RoostError {
    if (error instanceof RoostError) return error;
    if (error instanceof RoostException) return errorFromThrift(error);
    const message = error instanceof Error ? error.message : String(error);
    return new RoostError('Internal', `the server at ${this.server} answered: ${message}`, {
      cause: error,
      fields: { server: this.server },
    });
  }

  #onData(chunk: Buffer): void {
    this.#receivedAtMs = performance.now();
    try {
      for (const message of this.#splitter.push(chunk)) {
        const input = new BinaryReader(message);
        const { fname, mtype, rseqid } = input.readMessageBegin();
        const client = fname === 'authenticate' ? this.#access : this.#client;
        if (!client.receive(fname, input, mtype, rseqid))
          throw new RoostError('DataLoss', `an answer to ${fname}, which was never called`);
      }
    } catch (error) {
      this.#fail(`it sent what cannot be read: ${RoostError.from(error).message}`, error);
    }
  }
}

const withinOf = (remainingMs: number, { trace }: Deadline): RoostTypes.ReadOptions => {
  const deadline_ms = Math.max(1, Math.floor(remainingMs));
  return trace === undefined ? { deadline_ms } : { deadline_ms, traceparent: trace.traceparent };
};

/** A hint for connections that closed before any byte came: TLS settings that do not match look like that. */
const mayBeWhy = (socket: Socket): string =>
  socket instanceof TLSSocket
    ? ' before it answered; where it asks for certificates of clients, ours may not come from an authority that it trusts'
    : ' before it answered; it may take encrypted connections only, which `tls` asks for';

/** @param sent whether the call had been sent; it may then have been executed, or have broken the connection */
const unavailable = (
  server: string,
  why: string,
  cause: unknown,
  { sent }: { readonly sent?: true } = {},
): RoostError => new RoostError('Unavailable', `server ${server}: ${why}`, { cause, fields: { server, sent } });
