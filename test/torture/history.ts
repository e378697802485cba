import { appendTo } from '../../core/index.js';
import type { Acknowledgment } from '../../wire/index.js';
import type { IdSet } from './sets.js';

/**
 * A caller's knowledge of its write: `journaled` is an error that says that the write will be applied, and `failed`
 * an error that says that nothing was accepted.
 */
export type Outcome = 'ok' | 'failed' | 'unknown' | 'journaled';

/** The new value of a register. */
export interface Change {
  readonly register: string;
  /** The value that a read shows while this is the last write. */
  readonly value: string;
  /** For a write that brings no value of its own, as an undelete: the write that brings it. */
  readonly of?: Write;
}

export interface Write extends Change {
  readonly acknowledgment: Acknowledgment;
  readonly client: string;
  readonly invokedMs: number;
  answeredMs: number;
  outcome: Outcome;
  /** The journal does not accept the write after this time. */
  latestMs: number;
  /** Whether the write changes nothing if nothing was ever written, as in the removal of all edges of a node. */
  readonly ofWhatIsThere?: true;
  error?: string;
}

interface Asked {
  readonly client: string;
  readonly invokedMs: number;
  readonly answeredMs: number;
}

export interface Read extends Asked {
  readonly register: string;
  /** The value shown. If `matches` decides, it is for people only. */
  readonly value: string;
  /** For a read that shows less than the value: whether this may be the value. Absent: only `value` may. */
  readonly matches?: (value: string) => boolean;
}

/** A query of several sets, and its whole answer. */
export interface SetRead extends Asked {
  readonly set: IdSet;
  readonly ids: readonly bigint[];
  /** The ids about which the answer is checked. */
  readonly among: readonly bigint[];
}

/** The value of a register that was never written, and of a tweet that is deleted. */
export const absent = 'absent';

/** The writes and reads, on the clock of this process. */
export class History {
  readonly writes: Write[] = [];
  readonly reads: Read[] = [];
  readonly setReads: SetRead[] = [];
  readonly #byRegister = new Map<string, Write[]>();

  begin(write: Write): void {
    this.writes.push(write);
    appendTo(this.#byRegister, write.register, write);
  }

  of(register: string): readonly Write[] {
    return this.#byRegister.get(register) ?? [];
  }

  /** Returns who wrote and read a register, and when, in order, for people. */
  tell(register: string, begunMs: number): string[] {
    const at = (ms: number): string => (Number.isFinite(ms) ? `${((ms - begunMs) / 1_000).toFixed(2)} s` : 'never');
    const writes = this.of(register).map((write) => ({
      ms: write.invokedMs,
      text: `${write.client} writes ${write.value} (${write.acknowledgment}): ${write.outcome} at ${at(write.answeredMs)}${write.error === undefined ? '' : `, ${write.error.slice(0, 200)}`}`,
    }));
    const reads = this.reads
      .filter((read) => read.register === register)
      .map((read) => ({ ms: read.invokedMs, text: `${read.client} reads ${read.value} at ${at(read.answeredMs)}` }));
    return [...writes, ...reads].sort((a, b) => a.ms - b.ms).map(({ ms, text }) => `${at(ms)}: ${text}`);
  }
}
