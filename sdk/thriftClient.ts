import { limits } from '../core/index.js';
import { BinaryWriter } from '../wire/index.js';

/**
 * The buffer that the generated client writes to: for each call it makes a protocol, writes, and flushes the
 * transport.
 */
export class Outgoing {
  writer: BinaryWriter | undefined;
  /** The method of the last call. */
  method = '';

  constructor(
    readonly send: (message: Buffer) => void,
    /** The largest call that the service accepts. A larger one throws `InvalidArgument` and is not sent. */
    readonly maxBytes: number = limits.messageBytes,
  ) {}

  flush(): void {
    this.writer?.flush();
    this.writer = undefined;
  }
}

export class RequestWriter extends BinaryWriter {
  readonly #outgoing: Outgoing;

  constructor(outgoing: Outgoing) {
    super(true, outgoing.send, outgoing.maxBytes);
    outgoing.writer = this;
    this.#outgoing = outgoing;
  }

  override writeMessageBegin(name: string, type: number, seqid: number): void {
    this.#outgoing.method = name;
    super.writeMessageBegin(name, type, seqid);
  }
}

type Answer = (error: unknown, result?: unknown) => void;
type Receive = (input: unknown, messageType: number, seqid: number) => void;

const maxSeqid = 2 ** 31 - 1;

/** A generated client's constructor. */
export type Generated<C> = new (output: object, protocol: object) => C;

/** Members that the generated declarations omit. */
interface Internals {
  /** Set and cleared by the generated code. */
  readonly _reqs: Record<number, Answer>;
  new_seqid: () => number;
}

/** A generated client with its unanswered calls by sequence id. */
export class ThriftClient<C extends object> {
  readonly client: C;
  readonly #outgoing: Outgoing;
  #lastSeqid = 0;

  constructor(Client: Generated<C>, send: (message: Buffer) => void, maxBytes?: number) {
    this.#outgoing = new Outgoing(send, maxBytes);
    this.client = new Client(this.#outgoing, RequestWriter);
    // The generated client's own ids grow past 32 bits.
    this.#internals.new_seqid = () => (this.#lastSeqid = this.#lastSeqid === maxSeqid ? 1 : this.#lastSeqid + 1);
  }

  /** The sequence id of the last call. */
  get lastSeqid(): number {
    return this.#lastSeqid;
  }

  /** The method of the last call; '' before the first. */
  get lastMethod(): string {
    return this.#outgoing.method;
  }

  /** Fails one unanswered call; does nothing if it has been answered. */
  fail(seqid: number, error: Error): void {
    const { _reqs: waiting } = this.#internals;
    const answer = waiting[seqid];
    delete waiting[seqid];
    answer?.(error);
  }

  failAll(error: Error): void {
    for (const seqid of Object.keys(this.#internals._reqs)) this.fail(Number(seqid), error);
  }

  /** Reads an answer. An answer that nobody waits for is dropped. False if the method is unknown. */
  receive(method: string, input: unknown, messageType: number, seqid: number): boolean {
    const receive = (this.client as Record<string, Receive | undefined>)[`recv_${method}`];
    if (receive === undefined) return false;
    if (Object.hasOwn(this.#internals._reqs, seqid)) receive.call(this.client, input, messageType, seqid);
    return true;
  }

  get #internals(): Internals {
    return this.client as unknown as Internals;
  }
}
