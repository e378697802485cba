import type { Acknowledgment } from '../../wire/index.js';

/** What a caller knows of its write: `journaled` is an error that says that it will be applied, and `failed` one that says that nothing was accepted. */
export type Outcome = 'ok' | 'failed' | 'unknown' | 'journaled';

export interface Write {
  readonly register: string;
  /** What a read shows while this is the last write. */
  readonly value: string;
  readonly acknowledgment: Acknowledgment;
  readonly client: string;
  readonly invokedMs: number;
  answeredMs: number;
  outcome: Outcome;
  /** After this the journal accepts it no more. */
  latestMs: number;
  error?: string;
}

export interface Read {
  readonly register: string;
  readonly value: string;
  readonly client: string;
  readonly invokedMs: number;
  readonly answeredMs: number;
}

/** The value of a register that was never written, and of a tweet that is deleted. */
export const absent = 'absent';

/** What was written and read, on the clock of this process. */
export class History {
  readonly writes: Write[] = [];
  readonly reads: Read[] = [];
  readonly #byRegister = new Map<string, Write[]>();

  begin(write: Write): void {
    this.writes.push(write);
    const known = this.#byRegister.get(write.register);
    if (known === undefined) this.#byRegister.set(write.register, [write]);
    else known.push(write);
  }

  of(register: string): readonly Write[] {
    return this.#byRegister.get(register) ?? [];
  }

  get registers(): Iterable<string> {
    return this.#byRegister.keys();
  }
}
