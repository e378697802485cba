import {
  Deadline,
  limits,
  parseCount,
  type Cancellation,
  type Micros,
  type Priority,
  type Trace,
  type WriteIdentity,
} from '../../core/index.js';

/**
 * When a write is answered. `journaled`: it is in the journal, as durable as the journal's Redis. `materialized`: it
 * has also been applied in both directions, so that the caller's next read sees it.
 */
export type Acknowledgment = 'journaled' | 'materialized';

/** Options of a read. */
export interface ReadOptions {
  /** 1 … limits.maxDeadlineMs. Absent: limits.defaultDeadlineMs. */
  readonly deadlineMs?: number;
  /** The waiting client's: work that still waits is abandoned when it disconnects. */
  readonly cancellation?: Cancellation;
  /** The place in a trace that the call belongs to. Absent: it is not traced. */
  readonly trace?: Trace | undefined;
}

/** Options of a write. */
export interface WriteOptions extends ReadOptions {
  /** The queue for the write. Absent: high. */
  readonly priority?: Priority;
  /** Absent: `journaled`. */
  readonly acknowledgment?: Acknowledgment;
  /** Makes repetitions the same write. Absent: each is a new one. */
  readonly identity?: WriteIdentity;
}

/** Options of a write with one time for all that it contains. */
export interface TimedWriteOptions extends WriteOptions {
  /** Absent: the time of acceptance. Of two writes to the same thing the later one wins. */
  readonly time?: Micros;
}

/** The deadline of a call that begins now. Throws `InvalidArgument` if it is out of range. */
export const deadlineOf = ({ deadlineMs = limits.defaultDeadlineMs, cancellation, trace }: ReadOptions): Deadline =>
  Deadline.after(parseCount(deadlineMs, 'deadlineMs', 1, limits.maxDeadlineMs), cancellation, trace);

/** The options of a call that is part of another: it ends with it, and belongs to its trace. */
export const until = (deadline: Deadline): Required<Pick<ReadOptions, 'deadlineMs' | 'trace'>> => ({
  deadlineMs: Math.max(1, Math.floor(deadline.remainingMs())),
  trace: deadline.trace,
});
