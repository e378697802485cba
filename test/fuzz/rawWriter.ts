/** Bytes of the binary protocol, one value after another, right or wrong. */
export class RawWriter {
  #bytes = Buffer.allocUnsafe(4_096);
  #length = 0;

  u8(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value & 255;
  }

  i16(value: number): void {
    this.#room(2);
    this.#length = this.#bytes.writeInt16BE((value << 16) >> 16, this.#length);
  }

  i32(value: number): void {
    this.#room(4);
    this.#length = this.#bytes.writeInt32BE(value | 0, this.#length);
  }

  i64(value: bigint): void {
    this.#room(8);
    this.#length = this.#bytes.writeBigInt64BE(BigInt.asIntN(64, value), this.#length);
  }

  double(value: number): void {
    this.#room(8);
    this.#length = this.#bytes.writeDoubleBE(value, this.#length);
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Returns a copy of the bytes written, and starts again. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
