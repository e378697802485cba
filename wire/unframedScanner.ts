import { limits } from '../core/index.js';
import { malformed } from './malformed.js';
import { fixedBytes, maxMethodNameBytes, thriftType, version1, versionMask } from './thriftType.js';

/** One struct, list or map of the nesting. `left` counts the values to come, whose types alternate; a struct has none. */
interface Level {
  left: number | undefined;
  types: readonly number[];
}

const maxValues = 4 * limits.callValues;

const struct: Level = { left: undefined, types: [] };

/**
 * Finds the end of an unframed message, which does not declare its length: only reading through its fields shows it.
 * Continues where it stopped when more bytes arrive, so that each byte is examined once. Holds nothing but its place
 * in the nesting, whatever lengths a message declares.
 */
export class UnframedScanner {
  #position = 0;
  /**
   * Values examined. The bound is above the reader's, so that the reader refuses the call, and the connection
   * continues.
   */
  #values = 0;
  #inHeader = true;
  readonly #levels: Level[] = [];

  /** @param maxBytes the largest message */
  constructor(private readonly maxBytes: number = limits.messageBytes) {}

  /**
   * Takes all bytes so far from the message's start on. Returns the message's length, or undefined while it is
   * incomplete. Throws `InvalidArgument` for bytes that cannot become a message of at most `maxBytes`.
   */
  scan(bytes: Buffer): number | undefined {
    if (this.#inHeader && !this.#scanHeader(bytes)) return undefined;
    for (;;) {
      if (this.#position > this.maxBytes) throw malformed(`it is larger than ${this.maxBytes} bytes`);
      if (++this.#values > maxValues) throw malformed(`it holds more than ${maxValues} values`);
      const level = this.#levels.at(-1);
      if (level === undefined) return this.#position <= bytes.length ? this.#position : undefined;
      if (level.left === 0) this.#levels.pop();
      else if (!this.#scanValue(bytes, level)) return undefined;
    }
  }

  #scanHeader(bytes: Buffer): boolean {
    if (bytes.length < 8) return false;
    if ((bytes.readInt32BE(0) & versionMask) !== version1)
      throw malformed('it does not start with the version of the strict binary protocol');
    const nameBytes = bytes.readInt32BE(4);
    if (nameBytes < 1 || nameBytes > maxMethodNameBytes) throw malformed(`its method name has ${nameBytes} bytes`);
    this.#position = 12 + nameBytes;
    this.#levels.push(struct);
    this.#inHeader = false;
    return true;
  }

  /** Moves past the next value of a level; false, with nothing changed, if its head is incomplete. */
  #scanValue(bytes: Buffer, level: Level): boolean {
    const start = this.#position;
    if (level.left === undefined) {
      if (start >= bytes.length) return false;
      const type = bytes[start]!;
      if (type === thriftType.stop) {
        this.#position = start + 1;
        this.#levels.pop();
        return true;
      }
      return this.#enter(bytes, type, start + 3);
    }
    const type = level.types[level.left % level.types.length]!;
    const entered = this.#enter(bytes, type, start);
    if (entered) level.left--;
    return entered;
  }

  #enter(bytes: Buffer, type: number, start: number): boolean {
    const fixed = fixedBytes[type];
    if (fixed !== undefined) this.#position = start + fixed;
    else if (type === thriftType.string) {
      if (start + 4 > bytes.length) return false;
      this.#position = start + 4 + declared(bytes, start);
    } else if (type === thriftType.struct) {
      this.#position = start;
      this.#nest(struct);
    } else if (type === thriftType.list || type === thriftType.set) {
      if (start + 5 > bytes.length) return false;
      const element = bytes[start]!;
      const size = declared(bytes, start + 1);
      const elementBytes = fixedBytes[element];
      this.#position = start + 5 + size * (elementBytes ?? 0);
      if (elementBytes === undefined) this.#nest({ left: size, types: [element] });
    } else if (type === thriftType.map) {
      if (start + 6 > bytes.length) return false;
      this.#position = start + 6;
      // The remaining count starts even: keys have even turns.
      this.#nest({ left: 2 * declared(bytes, start + 2), types: [bytes[start]!, bytes[start + 1]!] });
    } else throw malformed(`there is no type ${type}`);
    return true;
  }

  #nest(level: Level): void {
    if (this.#levels.length >= limits.messageDepth)
      throw malformed(`it nests more than ${limits.messageDepth} levels deep`);
    this.#levels.push(level);
  }
}

function declared(bytes: Buffer, at: number): number {
  const size = bytes.readInt32BE(at);
  if (size < 0 || size > limits.messageBytes) throw malformed(`it declares a length of ${size}`);
  return size;
}
