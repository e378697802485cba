import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import { RoostError } from '../../core/index.js';
import { dumpFormats, type DumpFormat } from './edgeText.js';
import { ResumeFile } from './resumeFile.js';

const compress = promisify(gzip);

const stateSchema = z.object({
  graphId: z.int(),
  format: z.enum(dumpFormats),
  gzip: z.boolean(),
  /** The length of the complete part of the file; bytes after it were being written when the run stopped. */
  bytes: z.int().nonnegative(),
  edges: z.int().nonnegative(),
  /** Where each shard continues; null if the shard is done. */
  cursors: z.array(z.string().nullable()),
});
type DumpState = z.infer<typeof stateSchema>;

export interface DumpFileOptions {
  readonly graphId: number;
  readonly format: DumpFormat;
  readonly gzip: boolean;
  /** Where the shards start, for a new dump. */
  readonly starts: readonly string[];
}

/**
 * The file that a dump writes, with a record of its progress beside it. Pages are appended whole; with gzip each page
 * is a member of its own, so that the file is a valid gzip after every page.
 */
export class DumpFile {
  readonly #state: DumpState;
  #appending: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: FileHandle,
    private readonly resume: ResumeFile<DumpState>,
    state: DumpState,
  ) {
    this.#state = state;
  }

  /**
   * Continues a dump that was stopped, or starts a new dump. Throws `AlreadyExists` if a finished file is in the way,
   * `FailedPrecondition` if another dump is.
   */
  static async open(path: string, { graphId, format, gzip, starts }: DumpFileOptions): Promise<DumpFile> {
    const resume = new ResumeFile(`${path}.resume`, stateSchema);
    const earlier = resume.read();
    const fields = { file: path };
    if (earlier === undefined) {
      const file = await open(path, 'wx').catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'EEXIST')
          throw new RoostError('AlreadyExists', `${path}: there is such a file already`, { fields, cause });
        throw new RoostError('InvalidArgument', `${path}: cannot be written (${cause.code})`, { fields, cause });
      });
      const state = { graphId, format, gzip, bytes: 0, edges: 0, cursors: [...starts] };
      resume.save(state);
      return new DumpFile(file, resume, state);
    }
    if (earlier.graphId !== graphId || earlier.format !== format || earlier.gzip !== gzip) {
      throw new RoostError(
        'FailedPrecondition',
        `${resume.path} belongs to a dump of another graph or format: finish that, or remove it and ${path}`,
        { fields },
      );
    }
    const file = await open(path, 'r+').catch((cause: unknown) => {
      throw new RoostError(
        'FailedPrecondition',
        `${resume.path} says how far a dump got, but ${path} cannot be opened: remove it to start anew`,
        { fields, cause },
      );
    });
    const { size } = await file.stat();
    if (size < earlier.bytes) {
      await file.close();
      throw new RoostError(
        'DataLoss',
        `${path} has ${size} bytes where ${earlier.bytes} had been written: remove it and ${resume.path} to start anew`,
        { fields },
      );
    }
    await file.truncate(earlier.bytes);
    return new DumpFile(file, resume, earlier);
  }

  /** Where each shard continues; null if the shard is done. */
  get cursors(): readonly (string | null)[] {
    return this.#state.cursors;
  }

  get edgeCount(): number {
    return this.#state.edges;
  }

  get byteCount(): number {
    return this.#state.bytes;
  }

  /** Appends a page of a shard, and records where the shard continues. */
  async append(shard: number, text: string, edgeCount: number, cursor: string | undefined): Promise<void> {
    const bytes = text === '' ? undefined : this.#state.gzip ? await compress(text) : Buffer.from(text);
    this.#appending = this.#appending.then(async () => {
      if (bytes !== undefined) await this.#write(bytes);
      this.#state.edges += edgeCount;
      this.#state.cursors[shard] = cursor ?? null;
      if (this.resume.due) await this.#save();
    });
    await this.#appending;
  }

  /** Ends the run. A finished dump stays as it is; an unfinished dump can be continued. */
  async close(): Promise<void> {
    try {
      await this.#appending.catch(() => undefined);
      await this.#save();
      if (this.#state.cursors.every((cursor) => cursor === null)) this.resume.remove();
    } finally {
      await this.file.close();
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, this.#state.bytes + done);
      done += bytesWritten;
    }
    this.#state.bytes += bytes.length;
  }

  /** The data reach the disk before the record that counts them. */
  async #save(): Promise<void> {
    await this.file.datasync();
    this.resume.save(this.#state);
  }
}
