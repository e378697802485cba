/**
 * The right to make ids with one worker number, for times after `fromMs` up to `untilMs` and nothing else. Ranges of one worker number
 * never overlap, so that no two holders can make the same id, whatever their clocks say and however long one was paused.
 */
export interface WorkerLease {
  readonly worker: number;
  /** Ids must be of later milliseconds than this: the holder before may have used all up to it. */
  readonly fromMs: number;
  /** The last millisecond that ids may be of. Moves on with each renewal. */
  readonly untilMs: number;
  /** The time by which ids are made, when the lease was given: milliseconds since 1970. It goes on with the holder's monotonic clock until the next renewal. */
  readonly nowMs: number;
}

/** Who hands out worker numbers. */
export interface WorkerLeases {
  /** A lease that is valid now; may be the one given before, prolonged. Throws `Unavailable` where there is none to be had. */
  acquire(): Promise<WorkerLease>;
  /** Gives the number back: nothing later than `usedMs` was used. */
  release(usedMs: number): Promise<void>;
}
