import {
  Deadline,
  limits,
  parseCount,
  type Cancellation,
  type Micros,
  type Priority,
  type WriteIdentity,
} from '../../core/index.js';

/**
 * When a write is answered. `journaled`: it is in the journal, as durable as the journal's Redis is set to be.
 * `materialized`: it has also been applied in both directions, so that the caller's next read sees it.
 */
export type Acknowledgment = 'journaled' | 'materialized';

/** What a store is told of each read. */
export interface ReadOptions {
  /** 1 … limits.maxDeadlineMs. Absent: limits.defaultDeadlineMs. */
  readonly deadlineMs?: number;
  /** Of the client that waits for the answer: what still waits when it has gone is given up. */
  readonly cancellation?: Cancellation;
}

/** What a store is told of each write. */
export interface WriteOptions extends ReadOptions {
  /** Which queue the write takes. Absent: high. */
  readonly priority?: Priority;
  /** Absent: `journaled`. */
  readonly acknowledgment?: Acknowledgment;
  /** Makes a repetition the same write. Absent: it is a new one each time. */
  readonly identity?: WriteIdentity;
}

/** Of a write whose time is one for all that it holds. */
export interface TimedWriteOptions extends WriteOptions {
  /** Absent: when the journal accepts it. Of two writes of the same thing the later one wins. */
  readonly time?: Micros;
}

/** When a call ends that begins now. Throws `InvalidArgument` for a deadline out of bounds. */
export const deadlineOf = ({ deadlineMs = limits.defaultDeadlineMs, cancellation }: ReadOptions): Deadline =>
  Deadline.after(parseCount(deadlineMs, 'deadlineMs', 1, limits.maxDeadlineMs), cancellation);

/** The option of a call that is a part of another one and ends with it. */
export const until = (deadline: Deadline): { readonly deadlineMs: number } => ({
  deadlineMs: Math.max(1, Math.floor(deadline.remainingMs())),
});
