import { crc32 } from 'node:zlib';
import { RoostError } from '../../core/index.js';
import type { DumpFormat } from './edgeText.js';

/**
 * A dump consists of blocks of lines. A line before each block gives its CRC-32, its lines and its bytes: a comment
 * in an edge list, an object in NDJSON.
 */
const headers: Readonly<Record<DumpFormat, (sum: string, lines: number, bytes: number) => string>> = {
  edges: (sum, lines, bytes) => `# crc32 ${sum} lines ${lines} bytes ${bytes}\n`,
  ndjson: (sum, lines, bytes) => `{"crc32":"${sum}","lines":${lines},"bytes":${bytes}}\n`,
};
const header =
  /^(?:# crc32 ([0-9a-f]{1,8}) lines (\d{1,15}) bytes (\d{1,15})|\{"crc32":"([0-9a-f]{1,8})","lines":(\d{1,15}),"bytes":(\d{1,15})\})\r?\n$/;
const headerChars = 100;

/** The start of a checksum line in NDJSON. */
export const ndjsonChecksum = '{"crc32":';

/** The checksum of a block begins with that of its lengths. */
const sumOfLengths = (lines: number, bytes: number): number => crc32(`${lines} ${bytes}`);

/** Lines of a dump behind the line that has their checksum. */
export function withChecksum(text: string, lines: number, format: DumpFormat): string {
  if (text === '') return '';
  const bytes = Buffer.byteLength(text);
  return headers[format](crc32(text, sumOfLengths(lines, bytes)).toString(16), lines, bytes) + text;
}

/**
 * Compares the blocks of a dump with their checksums, in bounded memory, as its bytes pass. A file that does not
 * start with a checksum has none and passes; in a file that does, every line must be in a block. Throws `DataLoss`,
 * which names the lines that are not as they were written.
 */
export class DumpVerifier {
  #checked = true;
  #blocks = 0;
  /** The line number of the header of the current block. */
  #line = 1;
  #header = '';
  #block = { sum: '', lines: 0 };
  #bytesLeft = 0;
  #sum = 0;

  constructor(private readonly name: string) {}

  /** Takes the next bytes, cut anywhere. */
  push(chunk: Buffer): void {
    for (let at = 0; this.#checked && at < chunk.length;) {
      if (this.#bytesLeft > 0) {
        const part = chunk.subarray(at, at + this.#bytesLeft);
        this.#sum = crc32(part, this.#sum);
        this.#bytesLeft -= part.length;
        at += part.length;
        if (this.#bytesLeft === 0) this.#endBlock();
      } else {
        const end = chunk.indexOf(0x0a, at);
        const part = chunk.subarray(at, Math.min(end < 0 ? chunk.length : end + 1, at + headerChars));
        this.#header += part.toString('latin1');
        at += part.length;
        if (this.#header.endsWith('\n') || this.#header.length >= headerChars) this.#beginBlock();
      }
    }
  }

  /** To be called at the end of the file. */
  end(): void {
    if (!this.#checked) return;
    if (this.#header !== '') this.#beginBlock();
    if (this.#bytesLeft > 0) throw this.#damaged(`the file ends ${this.#bytesLeft} bytes early`);
  }

  #beginBlock(): void {
    const match = header.exec(this.#header);
    if (match === null) {
      this.#checked = this.#blocks > 0;
      if (this.#checked)
        throw this.#error(
          `line ${this.#line} has no checksum, and those before it have one`,
          'delete all lines that have one',
        );
      return;
    }
    const [sum, lines, bytes] = match.slice(1).filter((part) => part !== undefined) as [string, string, string];
    this.#header = '';
    this.#block = { sum, lines: Number(lines) };
    this.#bytesLeft = Number(bytes);
    this.#sum = sumOfLengths(this.#block.lines, this.#bytesLeft);
    this.#blocks++;
  }

  #endBlock(): void {
    const found = this.#sum.toString(16);
    if (found !== this.#block.sum)
      throw this.#damaged(`their checksum is ${found}, and line ${this.#line} says ${this.#block.sum}`);
    this.#line += this.#block.lines + 1;
  }

  #damaged(why: string): RoostError {
    const line = this.#line;
    return this.#error(
      `lines ${line + 1} to ${line + this.#block.lines} are not as they were dumped: ${why}`,
      `delete line ${line} and the other lines with checksums`,
    );
  }

  #error(what: string, then: string): RoostError {
    return new RoostError('DataLoss', `${this.name}: ${what}. Dump again; to load the file as it is, ${then}`, {
      fields: { file: this.name, line: this.#line },
    });
  }
}
