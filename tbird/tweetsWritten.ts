import type { Micros } from '../core/index.js';

/** The ids of a write of tweets. */
export interface TweetsWritten {
  readonly created: readonly bigint[];
  readonly deleted: readonly TweetStateWritten[];
  readonly undeleted: readonly TweetStateWritten[];
}

export interface TweetStateWritten {
  readonly id: bigint;
  /** Absent: the journal gives it, before the times of the jobs beside the write. */
  readonly time: Micros | undefined;
}
