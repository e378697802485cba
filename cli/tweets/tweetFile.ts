import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Transform, type Readable, type TransformCallback } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse';
import { RoostError } from '../../core/index.js';
import { repeatedKey } from '../console/repeatedKey.js';
import { tweetOfRow, type ImportedTweet } from './tweetRow.js';

export interface ReadTweetsOptions {
  /** The author of tweets that name no author. */
  readonly user: bigint | undefined;
  readonly skipBad: boolean;
  readonly signal: AbortSignal;
}

/** A row of the file, or why it is not valid. */
export type FileRow =
  { readonly line: number; readonly tweet: ImportedTweet } | { readonly line: number; readonly bad: RoostError };

type Row = Readonly<Record<string, unknown>>;

/**
 * A file of tweets: CSV with a header line, or JSON lines; plain or gzip. Can be read any number of times, in bounded
 * memory.
 */
export class TweetFile {
  private constructor(
    readonly path: string,
    /** Size and modification time, to detect that a file has changed. */
    readonly mark: string,
    private readonly gzip: boolean,
    private readonly json: boolean,
  ) {}

  /** Throws `NotFound` if there is no such file and `InvalidArgument` if it is not a regular file. */
  static async open(path: string): Promise<TweetFile> {
    const handle = await open(path).catch((cause: NodeJS.ErrnoException) => {
      const missing = cause.code === 'ENOENT';
      throw new RoostError(
        missing ? 'NotFound' : 'InvalidArgument',
        `${path}: ${missing ? 'there is no such file' : `cannot be read (${cause.code})`}`,
        { fields: { file: path }, cause },
      );
    });
    try {
      const found = await handle.stat();
      if (!found.isFile())
        throw new RoostError('InvalidArgument', `${path}: is not a regular file`, { fields: { file: path } });
      const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
      return new TweetFile(
        path,
        `${found.size} ${found.mtimeMs}`,
        buffer[0] === 0x1f && buffer[1] === 0x8b,
        /\.(ndjson|jsonl|json)(\.gz)?$/i.test(path),
      );
    } finally {
      await handle.close();
    }
  }

  /**
   * Every row. Throws `InvalidArgument` at the first bad row, unless bad rows are wanted, and if the file itself is
   * broken.
   */
  async *rows({ user, skipBad, signal }: ReadTweetsOptions): AsyncGenerator<FileRow> {
    const file = createReadStream(this.path, { highWaterMark: 256 * 1024 });
    const bytes: Readable = this.gzip ? file.pipe(createGunzip()) : file;
    // `pipe` does not pass errors on; without this, the loop below would hang after a disk error.
    file.on('error', (error) => bytes.destroy(error));
    let line = 0;
    try {
      for await (const { row, at } of this.json ? jsonRows(bytes) : csvRows(bytes)) {
        signal.throwIfAborted();
        line = at;
        try {
          yield { line, tweet: tweetOfRow(row instanceof RoostError ? raise(row) : row, user) };
        } catch (error) {
          const bad = RoostError.from(error);
          if (!skipBad)
            throw new RoostError('InvalidArgument', `${this.path}:${line}: ${bad.message}`, {
              fields: { file: this.path, line },
              cause: error,
            });
          yield { line, bad };
        }
      }
    } catch (error) {
      if (signal.aborted || (error instanceof RoostError && error.fields['file'] !== undefined)) throw error;
      if (error instanceof RoostError)
        throw new RoostError(error.code, `${this.path}: ${error.message}`, {
          fields: { ...error.fields, file: this.path },
          cause: error,
        });
      throw new RoostError(
        'InvalidArgument',
        `${this.path}: cannot be read beyond line ${line}: ${(error as Error).message}`,
        { fields: { file: this.path, line }, cause: error },
      );
    } finally {
      file.destroy();
      bytes.destroy();
    }
  }
}

/**
 * Bytes are read as Latin-1, one character each, and decoded cell by cell: a decoder of the whole would replace what
 * is not valid UTF-8.
 */
async function* csvRows(bytes: Readable): AsyncGenerator<{ row: Row | RoostError; at: number }> {
  const parser = bytes
    .pipe(new WithoutByteOrderMark())
    .pipe(parse({ columns: headOf, encoding: 'latin1', info: true, skip_empty_lines: true }));
  bytes.on('error', (error) => parser.destroy(error));
  for await (const { record, info } of parser as AsyncIterable<{
    record: Record<string, string>;
    info: { lines: number };
  }>) {
    // An empty cell counts as absent, except for the text: an empty text is an error of its own.
    const cells = Object.entries(record).filter(([name, value]) => value !== '' || name === 'text');
    yield {
      row: rowOf(() => Object.fromEntries(cells.map(([name, value]) => [name, utf8(value, name)]))),
      at: info.lines,
    };
  }
}

function headOf(cells: readonly string[]): string[] {
  const names = cells.map((cell) => utf8(cell, 'the head line'));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new RoostError('InvalidArgument', `the head line has two columns ${JSON.stringify(twice)}`);
  return names;
}

async function* jsonRows(bytes: Readable): AsyncGenerator<{ row: Row | RoostError; at: number }> {
  const lines = createInterface({
    input: bytes.pipe(new WithoutByteOrderMark()).setEncoding('latin1'),
    crlfDelay: Infinity,
  });
  // readline does not pass on the errors of its input.
  let failure: Error | undefined;
  bytes.on('error', (error) => {
    failure = error;
    lines.close();
  });
  let at = 0;
  for await (const text of lines) {
    at++;
    if (text.trim() === '') continue;
    yield { row: rowOf(() => parseLine(utf8(text, 'the line'))), at };
  }
  if (failure !== undefined) throw failure;
}

function parseLine(text: string): Row {
  let row: Row;
  try {
    row = JSON.parse(text) as Row;
  } catch (cause) {
    throw new RoostError('InvalidArgument', `is not JSON: ${(cause as Error).message}`, { cause });
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) throw new RoostError('InvalidArgument', `has two values for ${JSON.stringify(twice)}`);
  return row;
}

function rowOf(read: () => Row): Row | RoostError {
  try {
    return read();
  } catch (error) {
    return RoostError.from(error);
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8(bytes: string, what: string): string {
  try {
    return decoder.decode(Buffer.from(bytes, 'latin1'));
  } catch (cause) {
    throw new RoostError('InvalidArgument', `${what} is not UTF-8`, { cause });
  }
}

const byteOrderMark = Buffer.of(0xef, 0xbb, 0xbf);

/** Removes the byte order mark with which some programs start a UTF-8 file. */
class WithoutByteOrderMark extends Transform {
  #begin: Buffer | undefined = Buffer.alloc(0);

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#begin === undefined) return done(undefined, chunk);
    this.#begin = Buffer.concat([this.#begin, chunk]);
    if (this.#begin.length >= byteOrderMark.length) this.#pushBegin();
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#pushBegin();
    done();
  }

  #pushBegin(): void {
    const begin = this.#begin ?? Buffer.alloc(0);
    this.#begin = undefined;
    const rest = begin.indexOf(byteOrderMark) === 0 ? begin.subarray(byteOrderMark.length) : begin;
    if (rest.length > 0) this.push(rest);
  }
}

function raise(error: RoostError): never {
  throw error;
}
