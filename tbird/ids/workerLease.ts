/**
 * The right to make ids with one worker number, for times after `fromMs` up to `untilMs` only. Ranges of one number
 * never overlap: no two holders can make the same id, whatever their clocks say and however long one was paused.
 */
export interface WorkerLease {
  readonly worker: number;
  /** Ids must be of later milliseconds: the holder before may have used all up to this one. */
  readonly fromMs: number;
  /** The last millisecond for ids. Renewals advance it. */
  readonly untilMs: number;
  /**
   * The time for ids when the lease was granted, in milliseconds since 1970. It advances with the holder's monotonic
   * clock until the next renewal.
   */
  readonly nowMs: number;
}

/** Grants worker numbers. */
export interface WorkerLeases {
  /** A lease that is valid now; possibly the previous one, renewed. Throws `Unavailable` if none is available. */
  acquire(): Promise<WorkerLease>;
  /** Returns the number: nothing later than `usedMs` was used. */
  release(usedMs: number): Promise<void>;
}
