import { BinaryWriter } from '../wire/index.js';

const exceptionType = 3;
/** Thrift's INTERNAL_ERROR. */
const internalError = 6;

/** Writes the answer to one call. An answer that cannot be written, nor its exception, becomes a small one of fixed text. */
export class AnswerWriter extends BinaryWriter {
  #method = '';
  #seqid = 0;

  constructor(
    framed: boolean,
    send: (message: Buffer) => void,
    private readonly onAbandoned: (error: unknown) => void,
  ) {
    super(framed, send);
  }

  override writeMessageBegin(name: string, type: number, seqid: number): void {
    this.#method = name;
    this.#seqid = seqid;
    super.writeMessageBegin(name, type, seqid);
  }

  /** Called by the generated processors with whatever was thrown while they wrote an exception. Does not throw. */
  abandon(error: unknown): void {
    this.onAbandoned(error);
    this.writeMessageBegin(this.#method, exceptionType, this.#seqid);
    this.writeFieldBegin('message', 11, 1);
    this.writeString('the answer could not be written');
    this.writeFieldBegin('type', 8, 2);
    this.writeI32(internalError);
    this.writeFieldStop();
    this.flush();
  }
}
