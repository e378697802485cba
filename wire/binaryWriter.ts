import { limits, RoostError } from '../core/index.js';
import { thriftType, version1 } from './thriftType.js';

const headerBytes = 4;
const firstBytes = 256;

/**
 * Writes one message of Thrift's strict binary protocol into one buffer, for the generated structs (their
 * `TProtocol`). 64-bit integers are bigint. `flush` passes the message to `send`, with its length in front if
 * `framed`.
 */
export class BinaryWriter {
  #buffer = Buffer.allocUnsafe(firstBytes);
  /** Of the same bytes: Buffer's methods for integers take several times as long. */
  #view = viewOf(this.#buffer);
  #position = headerBytes;

  constructor(
    private readonly framed: boolean,
    private readonly send: (message: Buffer) => void,
    private readonly maxBytes: number = limits.messageBytes,
  ) {}

  /** Starts over, so that a half-written answer can be replaced by its error. */
  writeMessageBegin(name: string, type: number, seqid: number): void {
    this.#position = headerBytes;
    this.writeI32(version1 | type);
    this.writeString(name);
    this.writeI32(seqid);
  }

  writeMessageEnd(): void {}
  writeStructBegin(): void {}
  writeStructEnd(): void {}
  writeFieldEnd(): void {}
  writeMapEnd(): void {}
  writeListEnd(): void {}
  writeSetEnd(): void {}

  writeFieldBegin(_name: string, type: number, id: number): void {
    const start = this.#reserve(3);
    this.#buffer[start] = type;
    this.#view.setInt16(start + 1, id);
  }

  writeFieldStop(): void {
    this.writeByte(thriftType.stop);
  }

  writeMapBegin(keyType: number, valueType: number, size: number): void {
    this.writeByte(keyType);
    this.writeByte(valueType);
    this.writeI32(size);
  }

  writeListBegin(type: number, size: number): void {
    this.writeByte(type);
    this.writeI32(size);
  }

  writeSetBegin(type: number, size: number): void {
    this.writeListBegin(type, size);
  }

  writeBool(value: boolean): void {
    this.writeByte(value ? 1 : 0);
  }

  writeByte(value: number): void {
    const start = this.#reserve(1);
    this.#buffer[start] = value;
  }

  writeI16(value: number): void {
    const start = this.#reserve(2);
    this.#view.setInt16(start, value);
  }

  writeI32(value: number): void {
    const start = this.#reserve(4);
    this.#view.setInt32(start, value);
  }

  writeI64(value: bigint): void {
    const start = this.#reserve(8);
    this.#view.setBigInt64(start, value);
  }

  writeDouble(value: number): void {
    const start = this.#reserve(8);
    this.#view.setFloat64(start, value);
  }

  writeString(value: string): void {
    const bytes = Buffer.byteLength(value);
    this.writeI32(bytes);
    const start = this.#reserve(bytes);
    this.#buffer.write(value, start, bytes, 'utf8');
  }

  writeBinary(value: Uint8Array): void {
    this.writeI32(value.byteLength);
    const start = this.#reserve(value.byteLength);
    this.#buffer.set(value, start);
  }

  flush(): void {
    this.#view.setInt32(0, this.#position - headerBytes);
    this.send(this.#buffer.subarray(this.framed ? 0 : headerBytes, this.#position));
  }

  /** Reserves `bytes` and returns their offset. Call it before using `#buffer` or `#view`: it may replace them. */
  #reserve(bytes: number): number {
    const start = this.#position;
    const end = start + bytes;
    if (end - headerBytes > this.maxBytes) {
      throw new RoostError(
        'InvalidArgument',
        `the message would be larger than ${this.maxBytes} bytes; ask for less in one call`,
      );
    }
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, start);
      this.#buffer = larger;
      this.#view = viewOf(larger);
    }
    this.#position = end;
    return start;
  }
}

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
