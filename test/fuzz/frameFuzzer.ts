import { thriftType } from '../../wire/thriftType.js';
import type { Idl, IdlField, IdlMethod, IdlType } from './idl.js';
import { RawWriter } from './rawWriter.js';

type Random = (below: number) => number;

/** A frame with the right length: whatever it holds, an answer comes or the connection ends. */
export interface FuzzedFrame {
  readonly bytes: Buffer;
  readonly method: string;
  readonly seqid: number;
}

const call = 1;
const largeStringBytes = 200_000;
const manyElements = 20_000;
const anyTypes = Object.values(thriftType);
const numbers = [0, 1, -1, 2, 3, 100, 10_000, 16_384, 0x7fffffff, -0x80000000];
const bigNumbers = [0n, 1n, -1n, 2n, 1n << 31n, 1n << 53n, (1n << 63n) - 1n, -(1n << 63n)];

/**
 * Calls of a service by the structure of its IDL. Fields have values of their types, now and then the greatest, the
 * least or very many; or they are missing, come twice, come with another type or number, state a wrong length, or are
 * deeply nested; and bytes flip.
 */
export class FrameFuzzer {
  readonly #output = new RawWriter();
  readonly #methods: readonly IdlMethod[];
  /** How wild this frame is: how many of 1,000 places are wrong. */
  #wildness = 0;
  /** The number of values left, so that lists in lists end. */
  #left = 0;

  /**
   * @param strings names that mean something, beside random ones
   * @param skipped methods that would do what they are for
   */
  constructor(
    private readonly idl: Idl,
    service: string,
    private readonly random: Random,
    private readonly strings: readonly string[],
    skipped: readonly string[] = [],
  ) {
    this.#methods = idl.services.get(service)!.filter(({ name }) => !skipped.includes(name));
  }

  next(seqid: number): FuzzedFrame {
    const method = this.#one(this.#methods);
    this.#wildness = this.#one([0, 0, 20, 150]);
    this.#left = this.random(400) === 0 ? 60_000 : 600;
    const output = this.#output;
    output.i32(0);
    if (this.random(300) === 0) {
      // Another version, type or name of the message.
      output.i32(this.#one([0x80010000 | this.random(256), this.random(2 ** 31), -1, 0x80020001]));
      this.#string(this.#one([method.name, '', 'no_such_method', 'x'.repeat(300)]));
    } else {
      output.i32(0x80010000 | call);
      this.#string(method.name);
    }
    output.i32(seqid);
    this.#fields(method.arguments, 0);
    const bytes = output.take();
    bytes.writeInt32BE(bytes.length - 4);
    // The length is never changed: with a wrong length the server waits for more bytes.
    if (this.random(50) === 0) {
      for (let flips = 1 + this.random(3); flips > 0; flips--)
        bytes[4 + this.random(bytes.length - 4)]! ^= 1 << this.random(8);
    }
    return { bytes, method: method.name, seqid };
  }

  #fields(fields: readonly IdlField[], depth: number): void {
    const output = this.#output;
    const order = this.#wild() ? [...fields].reverse() : fields;
    for (const field of order) {
      if (this.random(1_000) < Math.max(30, this.#wildness)) continue;
      for (let times = this.#wild() ? 2 : 1; times > 0; times--) {
        const type = this.#wild() ? this.#anyType() : field.type;
        output.u8(typeNumber(type));
        output.i16(this.#wild() ? this.#one(numbers) : field.id);
        this.#value(type, depth + 1);
      }
    }
    if (this.#wild()) {
      const unknown = this.#anyType();
      output.u8(typeNumber(unknown));
      output.i16(100 + this.random(1_000));
      this.#value(unknown, depth + 1);
    }
    output.u8(thriftType.stop);
  }

  #value(type: IdlType, depth: number): void {
    const output = this.#output;
    this.#left--;
    switch (type.kind) {
      case 'bool':
        return output.u8(this.#wild() ? this.random(256) : this.random(2));
      case 'i32':
        return output.i32(this.random(3) === 0 ? this.#one(numbers) : this.random(12));
      case 'enum':
        return output.i32(this.#wild() ? this.#one(numbers) : this.#one(type.values));
      case 'i64':
        return output.i64(this.random(3) === 0 ? this.#one(bigNumbers) : BigInt(this.random(1_000)));
      case 'double':
        return output.double(this.#one([0, 1, -1, 0.5, NaN, Infinity, -Infinity, 1e308]));
      case 'string':
        return this.#string(this.#anyString());
      case 'binary':
        return this.#binary(this.#anyBinary());
      case 'list':
        return this.#list(type.of, depth);
      case 'map': {
        output.u8(typeNumber(type.from));
        output.u8(typeNumber(type.to));
        const count = Math.min(this.random(6), Math.max(0, this.#left));
        output.i32(this.#wild() ? this.#one(numbers) : count);
        for (let i = 0; i < count; i++) {
          this.#value(type.from, depth + 1);
          this.#value(type.to, depth + 1);
        }
        return;
      }
      case 'struct': {
        const fields = this.idl.structs.get(type.name)!;
        if (this.#wild() && this.random(10) === 0) return this.#deep();
        return depth > 12 ? output.u8(thriftType.stop) : this.#fields(fields, depth);
      }
    }
  }

  #list(of: IdlType, depth: number): void {
    const output = this.#output;
    output.u8(this.#wild() ? this.#one(anyTypes) : typeNumber(of));
    const count = Math.min(this.random(200) === 0 ? manyElements : this.random(5), Math.max(0, this.#left));
    output.i32(this.#wild() ? this.#one(numbers) : count);
    for (let i = 0; i < count; i++) this.#value(of, depth + 1);
  }

  /** Structs inside one another, deeper than any of ours. */
  #deep(): void {
    const levels = 1 + this.random(200);
    for (let i = 0; i < levels; i++) {
      this.#output.u8(thriftType.struct);
      this.#output.i16(1);
    }
    for (let i = 0; i <= levels; i++) this.#output.u8(thriftType.stop);
  }

  #string(text: string): void {
    this.#binary(Buffer.from(text));
  }

  #binary(bytes: Uint8Array): void {
    this.#output.i32(this.#wildness > 0 && this.random(40_000) < this.#wildness ? this.#one(numbers) : bytes.length);
    this.#output.bytes(bytes);
  }

  #anyString(): string {
    switch (this.random(8)) {
      case 0:
        return '';
      case 1:
        return this.#one([
          '\0',
          '😀',
          '`; DROP TABLE x; --',
          "'",
          '%',
          '../../x',
          '{}',
          'é'.normalize('NFD'),
          '\ud800',
        ]);
      case 2:
        return 'x'.repeat(this.random(this.random(100) === 0 ? largeStringBytes : 300));
      default:
        return this.#one(this.strings);
    }
  }

  #anyBinary(): Buffer {
    switch (this.random(8)) {
      case 0:
        return Buffer.alloc(0);
      case 1:
        return Buffer.alloc(this.random(this.random(100) === 0 ? largeStringBytes : 50), this.random(256));
      case 2:
        return Buffer.from(this.#anyString());
      default:
        return this.#ids();
    }
  }

  /** Writes packed 64-bit integers, the form in which columns and lists of ids travel. */
  #ids(): Buffer {
    const count = this.random(300) === 0 ? manyElements : this.random(6);
    const ids = Buffer.alloc(count * 8 + (this.#wild() ? this.random(8) : 0));
    for (let i = 0; i < count; i++)
      ids.writeBigInt64LE(this.random(10) === 0 ? this.#one(bigNumbers) : BigInt(this.random(1_000)), i * 8);
    return ids;
  }

  #anyType(): IdlType {
    const name = this.#one([...this.idl.structs.keys()]);
    return this.#one<IdlType>([
      { kind: 'bool' },
      { kind: 'i32' },
      { kind: 'i64' },
      { kind: 'double' },
      { kind: 'string' },
      { kind: 'struct', name },
      { kind: 'list', of: { kind: 'struct', name } },
      { kind: 'list', of: { kind: 'list', of: { kind: 'i64' } } },
      { kind: 'map', from: { kind: 'string' }, to: { kind: 'i64' } },
    ]);
  }

  #wild(): boolean {
    return this.random(1_000) < this.#wildness;
  }

  #one<T>(list: readonly T[]): T {
    return list[this.random(list.length)]!;
  }
}

function typeNumber(type: IdlType): number {
  switch (type.kind) {
    case 'binary':
      return thriftType.string;
    case 'enum':
      return thriftType.i32;
    default:
      return thriftType[type.kind];
  }
}
