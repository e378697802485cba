import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { z } from 'zod';
import { RoostError } from '../../core/index.js';

/** A write of the file costs a millisecond; what is done again after a stop is at most this much work. */
const saveEveryMs = 1_000;

/** Keeps how far a long command got, in a file that is whole at any moment. */
export class ResumeFile<T> {
  #savedMs = -Infinity;

  constructor(
    readonly path: string,
    private readonly schema: z.ZodType<T>,
  ) {}

  /** What an earlier run left; undefined where there is nothing. Throws `InvalidArgument` for a file that is something else. */
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
