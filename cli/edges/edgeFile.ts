import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { limits, RoostError } from '../../core/index.js';
import { DumpVerifier } from './dumpChecksum.js';
import { type EdgeBatch, EdgeParser, type EdgeParserOptions, type EntryParser } from './edgeParser.js';
import { NdjsonParser } from './ndjsonParser.js';

export interface EdgeFileSummary {
  readonly edgeCount: number;
  /** Malformed lines that were passed over. */
  readonly badLineCount: number;
  readonly firstBadLine: number | undefined;
}

export interface ReadEdgesOptions {
  readonly skipBad?: boolean;
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

/** A reader of edge files: takes bytes in chunks cut anywhere, and gives batches. */
export class EdgeFile {
  private constructor(
    readonly path: string,
    private readonly gzip: boolean,
  ) {}

  /** Throws `NotFound` if there is no such file and `InvalidArgument` if it is not a regular file. */
  static async open(path: string): Promise<EdgeFile> {
    const handle = await open(path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT')
        throw new RoostError('NotFound', `${path}: there is no such file`, { fields: { file: path }, cause });
      throw new RoostError('InvalidArgument', `${path}: cannot be read (${cause.code})`, {
        fields: { file: path },
        cause,
      });
    });
    try {
      // The file is read twice, once to check it and once to load it; a pipe does not allow that.
      if (!(await handle.stat()).isFile())
        throw new RoostError('InvalidArgument', `${path}: is not a regular file`, { fields: { file: path } });
      const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
      return new EdgeFile(path, buffer[0] === 0x1f && buffer[1] === 0x8b);
    } finally {
      await handle.close();
    }
  }

  /**
   * Reads the file to its end. Throws `InvalidArgument` at a malformed line, unless bad lines are skipped, and if a
   * gzip is truncated; `DataLoss` if a checksum of a dump is wrong.
   */
  async *batches(options: ReadEdgesOptions = {}): AsyncGenerator<EdgeBatch, EdgeFileSummary> {
    const parserOptions = {
      name: this.path,
      batchSize: options.batchSize ?? limits.bulkWriteEdges,
      skipBad: options.skipBad ?? false,
    };
    let parser: EntryParser = new EdgeParser(parserOptions);
    const verifier = new DumpVerifier(this.path);
    let started = false;
    const file = createReadStream(this.path, { highWaterMark: 256 * 1024 });
    const bytes = this.gzip ? file.pipe(createGunzip({ chunkSize: 256 * 1024 })) : file;
    // `pipe` does not pass errors on; without this, the loop below would hang after a disk error.
    file.on('error', (error) => bytes.destroy(error));
    try {
      for await (const chunk of bytes) {
        options.signal?.throwIfAborted();
        if (!started) parser = parserFor(chunk as Buffer, parserOptions);
        started = true;
        verifier.push(chunk as Buffer);
        yield* parser.push(chunk as Buffer);
      }
      verifier.end();
      yield* parser.end();
    } catch (error) {
      throw this.#explain(error, parser);
    } finally {
      file.destroy();
      bytes.destroy();
    }
    return { edgeCount: parser.edgeCount, badLineCount: parser.badLineCount, firstBadLine: parser.firstBadLine };
  }

  /** Reads the whole file without keeping it, so that a bad file is refused before anything is written. */
  async check(options: ReadEdgesOptions = {}, each: (batch: EdgeBatch) => void = () => {}): Promise<EdgeFileSummary> {
    const batches = this.batches({ batchSize: 8_192, ...options });
    for (;;) {
      const next = await batches.next();
      if (next.done) return next.value;
      each(next.value);
    }
  }

  #explain(error: unknown, parser: EntryParser): unknown {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') {
      return new RoostError(
        'InvalidArgument',
        `${this.path}: the gzip is truncated: it ends in the middle, after line ${parser.lineCount}`,
        {
          fields: { file: this.path, line: parser.lineCount },
          cause: error,
        },
      );
    }
    if (code?.startsWith('Z_')) {
      return new RoostError(
        'InvalidArgument',
        `${this.path}: the gzip is damaged after line ${parser.lineCount}: ${message}`,
        {
          fields: { file: this.path, line: parser.lineCount },
          cause: error,
        },
      );
    }
    return error;
  }
}

/** A line of JSON starts with a brace; no edge list does. */
function parserFor(chunk: Buffer, options: EdgeParserOptions): EntryParser {
  const first = chunk.find((byte) => byte > 0x20);
  return first === 0x7b ? new NdjsonParser(options) : new EdgeParser(options);
}
