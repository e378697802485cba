import { maxId, maxInt64, minInt64, RoostError } from '../../core/index.js';
import type { Direction, Operation } from '../../flock/index.js';

/** A mass operation, as a file gives it. */
export interface NodeEntry {
  readonly id: bigint;
  readonly direction: Direction;
  readonly operation: Operation;
  readonly time: bigint;
}

/** What a reader of edge files does: it takes bytes in chunks cut anywhere, and gives batches. */
export interface EntryParser {
  readonly lineCount: number;
  readonly edgeCount: number;
  readonly badLineCount: number;
  readonly firstBadLine: number | undefined;
  push(chunk: Buffer): Generator<EdgeBatch>;
  end(): Generator<EdgeBatch>;
}

/** Edges as a file gives them, column by column. */
export interface EdgeBatch {
  /** Entries of the file in this batch. An entry may need several writes. */
  readonly entryCount: number;
  readonly sourceIds: BigInt64Array;
  readonly destinationIds: BigInt64Array;
  /** Present if the file has a third column. */
  readonly positions?: BigInt64Array;
  /** Present if the file holds more about its edges than an edge list can. */
  readonly operations?: readonly Operation[];
  readonly times?: BigInt64Array;
  readonly nodes?: readonly NodeEntry[];
}

export interface EdgeParserOptions {
  /** Names the input in errors. */
  readonly name: string;
  readonly batchSize: number;
  /** True: malformed lines are counted and skipped. False: the first malformed line throws. */
  readonly skipBad: boolean;
}

/** A longer line is malformed, whatever its content. Bounds the memory kept between chunks. */
export const maxLineBytes = 64 * 1024;
/** A number of up to this many digits fits a double exactly, so that most numbers never become a bigint. */
const exactDigits = 15;
const lowWord = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;

const newline = 0x0a;
const hash = 0x23;
const minus = 0x2d;
const digitZero = 0x30;
const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d;

/**
 * Reads `source destination` or `source destination position`, one edge a line, in decimal, separated by blanks. `#`
 * starts a comment line; empty lines are skipped. The first edge decides whether there are positions. Bytes come in
 * chunks cut anywhere.
 */
export class EdgeParser implements EntryParser {
  lineCount = 0;
  edgeCount = 0;
  badLineCount = 0;
  /** The number of the first malformed line, if any was skipped. */
  firstBadLine: number | undefined;

  #columns: 2 | 3 | undefined;
  #columnWords: Uint32Array[] = [];
  #filled = 0;
  #rest: Buffer = Buffer.alloc(0);
  #overlong = false;

  constructor(private readonly options: EdgeParserOptions) {}

  /** Takes the next bytes and gives the batches that they complete. */
  *push(chunk: Buffer): Generator<EdgeBatch> {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(newline, start); end !== -1; end = bytes.indexOf(newline, start)) {
      this.#line(bytes, start, end);
      start = end + 1;
      if (this.#filled === this.options.batchSize) yield this.#take();
    }
    // A copy, so that the chunk itself can be freed; an overlong line is only noted as such.
    this.#rest = Buffer.from(bytes.subarray(start, start + maxLineBytes));
    this.#overlong ||= bytes.length - start > maxLineBytes;
  }

  /** The end of the input: flushes a last line without a line end, and the last batch. */
  *end(): Generator<EdgeBatch> {
    if (this.#rest.length > 0) this.#line(this.#rest, 0, this.#rest.length);
    this.#rest = Buffer.alloc(0);
    if (this.#filled > 0) yield this.#take();
  }

  #line(bytes: Buffer, start: number, end: number): void {
    this.lineCount += 1;
    const overlong = this.#overlong || end - start > maxLineBytes;
    this.#overlong = false;
    let at = start;
    while (at < end && isBlank(bytes[at])) at += 1;
    if (at < end && bytes[at] === hash) return;
    // The kept part is blank; the rest may have held an edge.
    if (overlong) return this.#bad(`is longer than ${maxLineBytes} bytes`);
    if (at === end) return;

    let column = 0;
    while (at < end) {
      if (column === 3) return this.#malformed(bytes, start, end);
      let stop = at;
      while (stop < end && !isBlank(bytes[stop])) stop += 1;
      if (!this.#number(bytes, at, stop, column)) return this.#malformed(bytes, start, end);
      column += 1;
      at = stop;
      while (at < end && isBlank(bytes[at])) at += 1;
    }
    if (column < 2) return this.#malformed(bytes, start, end);
    this.#columns ??= column as 2 | 3;
    if (column !== this.#columns)
      return this.#bad(`has ${column} columns where the lines before have ${this.#columns}`);
    this.#filled += 1;
    this.edgeCount += 1;
  }

  /**
   * Writes a number into its column, without creating a bigint if the number fits a double. Returns whether the bytes
   * are a number within range.
   */
  #number(bytes: Buffer, start: number, end: number, column: number): boolean {
    const negative = bytes[start] === minus;
    if (negative && column < 2) return false;
    const first = negative ? start + 1 : start;
    if (first === end) return false;
    let value = 0;
    for (let at = first; at < end; at += 1) {
      const digit = bytes[at]! - digitZero;
      if (digit < 0 || digit > 9) return false;
      value = value * 10 + digit;
    }
    const words = (this.#columnWords[column] ??= new Uint32Array(this.options.batchSize * 2));
    const index = this.#filled * 2;
    if (end - first <= exactDigits && !negative) {
      words[index + lowWord] = value;
      words[index + 1 - lowWord] = Math.floor(value / 2 ** 32);
      return true;
    }
    if (end - first > 40) return false;
    const exact = BigInt(bytes.toString('latin1', start, end));
    if (exact > (column < 2 ? maxId : maxInt64) || exact < minInt64) return false;
    new BigInt64Array(words.buffer)[this.#filled] = exact;
    return true;
  }

  #malformed(bytes: Buffer, start: number, end: number): void {
    const text = bytes.toString('utf8', start, Math.min(end, start + 60)).trim();
    this.#bad(
      `must be "source destination", ids from 0 to ${maxId}, with an optional position; found ${JSON.stringify(text)}`,
    );
  }

  #bad(what: string): void {
    if (!this.options.skipBad) {
      throw new RoostError('InvalidArgument', `${this.options.name}: line ${this.lineCount} ${what}`, {
        fields: { file: this.options.name, line: this.lineCount },
      });
    }
    this.badLineCount += 1;
    this.firstBadLine ??= this.lineCount;
  }

  #take(): EdgeBatch {
    const [sources, destinations, positions] = this.#columnWords.map((words) =>
      new BigInt64Array(words.buffer).subarray(0, this.#filled),
    );
    const batch = {
      entryCount: this.#filled,
      sourceIds: sources!,
      destinationIds: destinations!,
      ...(this.#columns === 3 ? { positions: positions! } : {}),
    };
    this.#columnWords = [];
    this.#filled = 0;
    return batch;
  }
}
