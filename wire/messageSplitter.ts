import { limits } from '../core/index.js';
import { malformed } from './malformed.js';
import { UnframedScanner } from './unframedScanner.js';

const unframedFirstByte = 0x80;
const lengthBytes = 4;

/**
 * Splits what arrives on a connection into messages. The first byte tells the transport: a strict unframed message starts with
 * 0x80, while a frame starts with its length, which is too small for that.
 *
 * Messages are views of what was pushed where they came in one piece. Memory grows with what has arrived, never with what a length declares.
 */
export class MessageSplitter {
  /** Undefined until the first byte. */
  framed: boolean | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  /** How much of `#bytes` is filled; the rest is room for the message to grow. */
  #filled = 0;
  #scanner: UnframedScanner;

  /** @param maxBytes the largest message; a change holds for the messages behind the one that was handed out last */
  constructor(public maxBytes: number = limits.messageBytes) {
    this.#scanner = new UnframedScanner(maxBytes);
  }

  /** Bytes held of a message that is not complete. */
  get pendingBytes(): number {
    return this.#filled;
  }

  /** Throws `InvalidArgument` for what cannot become a message of at most `maxBytes`; nothing may be pushed after that. */
  *push(chunk: Buffer): Generator<Buffer, void, undefined> {
    if (chunk.length === 0) return;
    this.framed ??= chunk[0] !== unframedFirstByte;
    const bytes = this.#filled === 0 ? chunk : this.#append(chunk);
    let start = 0;
    for (;;) {
      const length = this.framed ? frameLength(bytes, start, this.maxBytes) : this.#scanner.scan(bytes.subarray(start));
      if (length === undefined) break;
      const messageAt = this.framed ? start + lengthBytes : start;
      start += length;
      yield bytes.subarray(messageAt, start);
      if (!this.framed) this.#scanner = new UnframedScanner(this.maxBytes);
    }
    if (start > 0 || this.#filled === 0) this.#restart(bytes.subarray(start));
  }

  #append(chunk: Buffer): Buffer {
    const filled = this.#filled + chunk.length;
    if (filled > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(filled * 2);
      this.#bytes.copy(larger, 0, 0, this.#filled);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#filled);
    this.#filled = filled;
    return this.#bytes.subarray(0, filled);
  }

  /** Copies, because messages that were handed out still stand in the old bytes. */
  #restart(rest: Buffer): void {
    this.#bytes = rest.length === 0 ? rest : Buffer.from(rest);
    this.#filled = rest.length;
  }
}

/** The length of the frame that begins at `start`, with its header, or undefined where it is not all there. */
function frameLength(bytes: Buffer, start: number, maxBytes: number): number | undefined {
  if (bytes.length < start + lengthBytes) return undefined;
  const length = bytes.readUInt32BE(start);
  if (length === 0 || length > maxBytes)
    throw malformed(otherProtocol(bytes.subarray(start)) ?? `a frame of ${length} bytes; 1 to ${maxBytes} are allowed`);
  return bytes.length < start + lengthBytes + length ? undefined : lengthBytes + length;
}

/** Names the protocol that a client speaks by mistake, and what to do; undefined if the bytes are of no such protocol. */
function otherProtocol(bytes: Buffer): string | undefined {
  const tlsHandshake = 0x1603;
  if (bytes.readUInt16BE(0) === tlsHandshake)
    return 'TLS, on a port without: set `tls` for the port, or connect without';
  if (/^(GET|HEAD|POST|PUT|HTTP)/.test(bytes.toString('latin1', 0, 4))) return 'HTTP, which only the admin port speaks';
  return undefined;
}
