import { BinaryWriter, RoostFlockClient } from '../rpc/wire/index.js';

/** Where the generated client's calls are written: it makes a protocol for each call, writes to it, and then flushes the transport. */
export class Outgoing {
  writer: BinaryWriter | undefined;

  constructor(readonly send: (message: Buffer) => void) {}

  flush(): void {
    this.writer?.flush();
    this.writer = undefined;
  }
}

export class RequestWriter extends BinaryWriter {
  constructor(outgoing: Outgoing) {
    super(true, outgoing.send);
    outgoing.writer = this;
  }
}

type Answer = (error: unknown, result?: unknown) => void;
type Receive = (input: unknown, messageType: number, seqid: number) => void;

const maxSeqid = 2 ** 31 - 1;

/** The generated client, with what its declarations leave out: the calls that wait for an answer, by sequence id. */
export class ThriftClient extends RoostFlockClient {
  /** Set and cleared by the generated code. */
  declare private readonly _reqs: Record<number, Answer>;
  #lastSeqid = 0;

  constructor(send: (message: Buffer) => void) {
    super(new Outgoing(send), RequestWriter);
  }

  /** The sequence id of the call made last. */
  get lastSeqid(): number {
    return this.#lastSeqid;
  }

  /** Overrides the generated one, which grows past 32 bits. */
  new_seqid(): number {
    this.#lastSeqid = this.#lastSeqid === maxSeqid ? 1 : this.#lastSeqid + 1;
    return this.#lastSeqid;
  }

  /** Fails one waiting call; without effect where it has been answered. */
  fail(seqid: number, error: Error): void {
    const answer = this._reqs[seqid];
    delete this._reqs[seqid];
    answer?.(error);
  }

  failAll(error: Error): void {
    for (const seqid of Object.keys(this._reqs)) this.fail(Number(seqid), error);
  }

  /** Reads an answer. One that nobody waits for any more is dropped; false where no method of ours has that name. */
  receive(method: string, input: unknown, messageType: number, seqid: number): boolean {
    const receive = (this as unknown as Record<string, Receive | undefined>)[`recv_${method}`];
    if (receive === undefined) return false;
    if (Object.hasOwn(this._reqs, seqid)) receive.call(this, input, messageType, seqid);
    return true;
  }
}
