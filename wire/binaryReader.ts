import { limits } from '../core/index.js';
import { malformed, oversized } from './malformed.js';
import { answerBounds, type MessageBounds } from './messageBounds.js';
import { fixedBytes, maxMethodNameBytes, thriftType, version1, versionMask } from './thriftType.js';

/**
 * Reads one whole message of Thrift's strict binary protocol, for the generated structs (their `TProtocol`).
 *
 * 64-bit integers are bigint; binary values are views of the message. Declared lengths are checked against the rest
 * of the message and the bounds before anything is allocated. Throws `InvalidArgument` if the bytes are no message
 * (`malformed`) or hold more than allowed (`oversized`).
 */
export class BinaryReader {
  #position = 0;
  // Reused: the generated code takes what it needs before it reads on.
  readonly #field = { fname: '', ftype: 0, fid: 0 };

  /** A view of the same bytes; Buffer's methods for integers take several times as long. */
  readonly #view: DataView;

  /** Fields and entries that may still follow. */
  #values: number;

  constructor(
    private readonly message: Buffer,
    private readonly bounds: MessageBounds = answerBounds,
  ) {
    this.#values = bounds.values;
    this.#view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  }

  readMessageBegin(): { fname: string; mtype: number; rseqid: number } {
    const word = this.readI32();
    if ((word & versionMask) !== version1)
      throw malformed('it does not start with the version of the strict binary protocol');
    const nameBytes = this.readI32();
    if (nameBytes < 1 || nameBytes > maxMethodNameBytes) throw malformed(`its method name has ${nameBytes} bytes`);
    const start = this.#take(nameBytes);
    return {
      fname: this.message.toString('latin1', start, start + nameBytes),
      mtype: word & 0xff,
      rseqid: this.readI32(),
    };
  }

  readMessageEnd(): void {
    const left = this.message.length - this.#position;
    if (left !== 0) throw malformed(`${left} bytes follow its end`);
  }

  readStructBegin(): void {}
  readStructEnd(): void {}
  readFieldEnd(): void {}
  readMapEnd(): void {}
  readListEnd(): void {}
  readSetEnd(): void {}

  readFieldBegin(): { fname: string; ftype: number; fid: number } {
    if (--this.#values < 0) throw this.#tooManyValues();
    this.#field.ftype = this.readByte();
    this.#field.fid = this.#field.ftype === thriftType.stop ? 0 : this.readI16();
    return this.#field;
  }

  readMapBegin(): { ktype: number; vtype: number; size: number } {
    const ktype = this.readByte();
    const vtype = this.readByte();
    return { ktype, vtype, size: this.#entries(2) };
  }

  readListBegin(): { etype: number; size: number } {
    const etype = this.readByte();
    return { etype, size: this.#entries(1) };
  }

  readSetBegin(): { etype: number; size: number } {
    return this.readListBegin();
  }

  readBool(): boolean {
    return this.readByte() !== 0;
  }

  readByte(): number {
    return this.#view.getInt8(this.#take(1));
  }

  readI16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  readI32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  readI64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  readDouble(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  readString(): string {
    const length = this.#size(1);
    if (length > this.bounds.stringBytes)
      throw oversized('stringBytes', `a string of ${length} bytes; ${this.bounds.stringBytes} are allowed`);
    const start = this.#take(length);
    return this.message.toString('utf8', start, start + length);
  }

  readBinary(): Buffer {
    const length = this.#size(1);
    const start = this.#take(length);
    return this.message.subarray(start, start + length);
  }

  skip(type: number, depth = 0): void {
    if (depth >= limits.messageDepth) throw malformed(`it nests more than ${limits.messageDepth} levels deep`);
    const bytes = fixedBytes[type];
    if (bytes !== undefined) this.#take(bytes);
    else if (type === thriftType.string) this.#take(this.#size(1));
    else if (type === thriftType.struct) {
      for (;;) {
        const { ftype } = this.readFieldBegin();
        if (ftype === thriftType.stop) break;
        this.skip(ftype, depth + 1);
      }
    } else if (type === thriftType.list || type === thriftType.set) {
      const { etype, size } = this.readListBegin();
      const entryBytes = fixedBytes[etype];
      if (entryBytes !== undefined) this.#take(size * entryBytes);
      else for (let left = size; left > 0; left--) this.skip(etype, depth + 1);
    } else if (type === thriftType.map) {
      const { ktype, vtype, size } = this.readMapBegin();
      for (let left = size; left > 0; left--) {
        this.skip(ktype, depth + 1);
        this.skip(vtype, depth + 1);
      }
    } else throw malformed(`there is no type ${type}`);
  }

  /** A declared number of entries of at least `entryBytes` each. */
  #entries(entryBytes: number): number {
    const size = this.#size(entryBytes);
    if (size > this.bounds.entries)
      throw oversized('entries', `a list or map of ${size} entries; ${this.bounds.entries} are allowed`);
    this.#values -= size;
    if (this.#values < 0) throw this.#tooManyValues();
    return size;
  }

  #tooManyValues(): Error {
    return oversized('values', `it holds more than ${this.bounds.values} fields and entries`);
  }

  /** A declared count of entries of at least `entryBytes` each. */
  #size(entryBytes: number): number {
    const size = this.readI32();
    if (size < 0 || size * entryBytes > this.message.length - this.#position)
      throw malformed(`it declares ${size} bytes or entries that are not there`);
    return size;
  }

  /** Moves past `bytes` and returns where they start. */
  #take(bytes: number): number {
    const start = this.#position;
    if (start + bytes > this.message.length) throw malformed('it ends too early');
    this.#position = start + bytes;
    return start;
  }
}
