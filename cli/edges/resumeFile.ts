import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { z } from 'zod';
import { RoostError } from '../../core/index.js';

/** Writing the file costs a millisecond; after a stop, at most this much work is repeated. */
const saveEveryMs = 1_000;

/** Keeps the progress of a long command in a file that is complete at every moment. */
export class ResumeFile<T> {
  #savedMs = -Infinity;

  constructor(
    readonly path: string,
    private readonly schema: z.ZodType<T>,
  ) {}

  /**
   * The record of an earlier run; undefined if there is none. Throws `InvalidArgument` if the file is something else.
   */
  read(): T | undefined {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new RoostError('InvalidArgument', `${this.path}: cannot be read`, { fields: { file: this.path }, cause });
    }
    try {
      return this.schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new RoostError(
        'InvalidArgument',
        `${this.path}: does not hold how far an earlier run got; remove it to start anew`,
        { fields: { file: this.path }, cause },
      );
    }
  }

  /** Whether it is time to save again. */
  get due(): boolean {
    return performance.now() - this.#savedMs >= saveEveryMs;
  }

  save(state: T): void {
    writeFileSync(`${this.path}.new`, JSON.stringify(state), { flush: true });
    renameSync(`${this.path}.new`, this.path);
    this.#savedMs = performance.now();
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}
