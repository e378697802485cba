import { BinaryWriter } from '../wire/index.js';

/** Thrift's numbers: the message type, the types of the exception's fields, and INTERNAL_ERROR. */
const exceptionMessage = 3;
const stringType = 11;
const i32Type = 8;
const internalError = 6;

/**
 * Writes the answer to one call. If neither the answer nor its exception can be written, it writes a small exception
 * of fixed text.
 */
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

  /** Called by the generated processors with anything thrown while they wrote an exception. Does not throw. */
  abandon(error: unknown): void {
    this.onAbandoned(error);
    this.writeFailure(this.#method, this.#seqid, 'the answer could not be written');
  }

  /** Answers with Thrift's own exception, which clients of every service know. */
  writeFailure(method: string, seqid: number, text: string): void {
    this.writeMessageBegin(method, exceptionMessage, seqid);
    this.writeFieldBegin('message', stringType, 1);
    this.writeString(text);
    this.writeFieldBegin('type', i32Type, 2);
    this.writeI32(internalError);
    this.writeFieldStop();
    this.flush();
  }
}
