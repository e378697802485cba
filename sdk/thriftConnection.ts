import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { deadlineExceeded, isRoostError, limits, RoostError, writeSoon, type Deadline } from '../core/index.js';
import { AccessClient, BinaryReader, errorFromThrift, MessageSplitter, RoostException } from '../wire/index.js';
import type { ServerAddress } from './address.js';
import { openSocket, refusedTls } from './openSocket.js';
import { ThriftClient, type Generated } from './thriftClient.js';
import { tokenFor } from './token.js';
import { Turns } from './turns.js';

/** A server is not taken for dead because it was busy for a moment, however short the deadlines are. */
const minProbeMs = 250;

/** Makes one call. `deadlineMs` is what is left, for the server to know. */
export type Invoke<C, T> = (client: C, deadlineMs: number) => Promise<T>;

/** A service that connections are made to. */
export interface Service<C extends object> {
  readonly Client: Generated<C>;
  /** The largest call that it takes. Absent: limits.messageBytes. */
  readonly requestBytes?: number;
  /** Asks for something cheap, of a server that has said nothing for half a deadline. Absent: it is given up at the deadline. */
  readonly probe?: (client: C) => Promise<unknown>;
}

/**
 * One TCP connection to one server: framed, with any number of calls under way, matched to their answers by sequence id.
 * Once it has failed it stays failed, and every call on it fails with `Unavailable`, which a retry elsewhere may cure.
 */
export class ThriftConnection<C extends object> {
  readonly #client: ThriftClient<C>;
  /** What every port has beside its service. */
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

  /** Connects, and shows the address's token. Throws as `openSocket` does, and `Unauthenticated` where the server does not know the token. */
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
        // It may have been read while it was being replaced.
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

  /** Whether it was given up because the server did not answer any more. */
  get silent(): boolean {
    return this.#silent;
  }

  /**
   * Throws what the server threw, `DeadlineExceeded`, or `Unavailable` where the connection fails before the answer came. An exception that only its service knows is the
   * `cause` of an `Internal`.
   */
  call<T>(invoke: Invoke<C, T>, deadline: Deadline): Promise<T> {
    return this.#turns.run(() => this.#send(invoke, deadline), deadline);
  }

  /** Fails the calls under way, and every one to come. */
  #fail(why: string, cause?: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = refusedTls(this.server, cause) ?? unavailable(this.server, why, cause);
    clearTimeout(this.#probing);
    this.socket.destroy();
    const error = refusedTls(this.server, cause) ?? unavailable(this.server, why, cause, { sent: true });
    this.#client.failAll(error);
    this.#access.failAll(error);
  }

  /** Fails the calls under way and waits until the socket is gone. */
  async close(): Promise<void> {
    this.#fail('the client was closed');
    await this.#socketClosed;
  }

  async #authenticate(token: string, deadline: Deadline): Promise<void> {
    try {
      await deadline.race(this.#access.client.authenticate(token), 'showing the token');
    } catch (thrown) {
      // A server of an earlier release asks nobody.
      if (thrown instanceof Error && thrown.name === 'TApplicationException') return;
      throw this.#toRoostError(thrown);
    }
  }

  async #send<T>(invoke: Invoke<C, T>, deadline: Deadline): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    const remainingMs = deadline.remainingMs();
    if (remainingMs === 0) throw deadlineExceeded('the call');
    const sentAtMs = performance.now();
    const answer = invoke(this.#client.client, Math.max(1, Math.floor(remainingMs)));
    const seqid = this.#client.lastSeqid;
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
   * Asks for something cheap. A server that works answers it, however long its other calls take; one that does not is taken for dead, so
   * that the calls under way may go elsewhere while there is time.
   */
  #probe(waitMs: number): void {
    const { probe } = this.service;
    if (probe === undefined || this.#probing !== undefined || this.failed) return;
    const sentAtMs = performance.now();
    // Any answer counts, also one that is an error; where none comes, the calls under way tell.
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

/** Of a connection that was closed before anything came: a setup that does not go together looks like that. */
const mayBeWhy = (socket: Socket): string =>
  socket instanceof TLSSocket
    ? ' before it answered; where it asks for certificates of clients, ours may not come from an authority that it trusts'
    : ' before it answered; it may take encrypted connections only, which `tls` asks for';

/** @param sent whether the call was on its way, so that it may have been made, and may be what ended the connection */
const unavailable = (
  server: string,
  why: string,
  cause: unknown,
  { sent }: { readonly sent?: true } = {},
): RoostError => new RoostError('Unavailable', `server ${server}: ${why}`, { cause, fields: { server, sent } });
