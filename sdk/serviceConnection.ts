import { connect, type Socket } from 'node:net';
import { deadlineExceeded, RoostError, type Deadline } from '../core/index.js';
import { BinaryReader, MessageSplitter } from '../wire/index.js';
import type { Address } from './address.js';
import { Outgoing, RequestWriter } from './thriftClient.js';

/** A generated client, with what its declarations leave out. */
interface Generated {
  _reqs: Record<number, (error: unknown) => void>;
  [receive: `recv_${string}`]: (input: unknown, messageType: number, seqid: number) => void;
}
type GeneratedConstructor<C> = new (output: never, protocol: never) => C;

/**
 * One framed connection to a service that is not FlockDB's: Gizzard's manager, or a job injector. Few calls, in the order in which they are made; the first
 * failure closes it.
 */
export class ServiceConnection<C extends object> {
  readonly #client: C & Generated;
  readonly #splitter = new MessageSplitter();
  readonly #closed: Promise<void>;
  #failure: RoostError | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly server: string,
    Client: GeneratedConstructor<C>,
  ) {
    this.#client = new Client(new Outgoing((message) => socket.write(message)) as never, RequestWriter as never) as C &
      Generated;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) => this.#fail(`the connection broke: ${error.message}`, error));
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#fail('the server closed the connection');
        resolve();
      });
    });
  }

  /** Throws `Unavailable` where no connection comes about before the deadline. */
  static async open<C extends object>(
    { host, port }: Address,
    Client: GeneratedConstructor<C>,
    deadline: Deadline,
  ): Promise<ServiceConnection<C>> {
    const server = `${host}:${port}`;
    const socket = connect({ host, port });
    try {
      await deadline.race(
        new Promise<void>((resolve, reject) => {
          socket.once('connect', resolve);
          socket.once('error', reject);
        }),
        `connecting to ${server}`,
      );
    } catch (cause) {
      socket.destroy();
      throw new RoostError('Unavailable', `server ${server}: cannot connect: ${(cause as Error).message}`, {
        cause,
        fields: { server },
      });
    }
    socket.removeAllListeners('error');
    return new ServiceConnection(socket, server, Client);
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Throws what the service threw, as it was; `DeadlineExceeded`, after which the connection is closed; `Unavailable` where it fails before the answer came. */
  async call<T>(invoke: (client: C) => Promise<T>, deadline: Deadline): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    const answer = invoke(this.#client);
    try {
      return await deadline.race(answer, `the call to ${this.server}`, () =>
        this.#fail('it did not answer in time', deadlineExceeded(`the call to ${this.server}`)),
      );
    } finally {
      // The answer of a call that was given up is of no use to anybody.
      answer.catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#fail('the client was closed');
    await this.#closed;
  }

  #fail(why: string, cause?: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = new RoostError('Unavailable', `server ${this.server}: ${why}`, {
      cause,
      fields: { server: this.server },
    });
    this.socket.destroy();
    for (const [seqid, answer] of Object.entries(this.#client._reqs)) {
      delete this.#client._reqs[Number(seqid)];
      answer(this.#failure);
    }
  }

  #onData(chunk: Buffer): void {
    try {
      for (const message of this.#splitter.push(chunk)) {
        const input = new BinaryReader(message);
        const { fname, mtype, rseqid } = input.readMessageBegin();
        const receive = this.#client[`recv_${fname}`];
        if (receive === undefined || !Object.hasOwn(this.#client._reqs, rseqid))
          throw new RoostError('DataLoss', `an answer to ${fname}, which was never called`);
        receive.call(this.#client, input, mtype, rseqid);
      }
    } catch (error) {
      this.#fail(`it sent what cannot be read: ${RoostError.from(error).message}`, error);
    }
  }
}
