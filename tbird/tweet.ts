import type { Micros } from '../core/index.js';

/** A tweet as it is read. Its content never changes; it may be deleted, and come back. */
export interface Tweet {
  readonly id: bigint;
  readonly userId: bigint;
  /** 1 … 280 code points, in normal form C. */
  readonly text: string;
  /** Milliseconds since 1970. Of a Snowflake id it is the id's own time. */
  readonly createdAtMs: number;
  readonly replyToTweetId: bigint | undefined;
  readonly replyToUserId: bigint | undefined;
  readonly retweetOfId: bigint | undefined;
  /** 32 bits of the application's own. */
  readonly flags: number;
  /** A JSON object as text, at most 4 KB. */
  readonly extra: string | undefined;
  /** When it was deleted; undefined while it is not. */
  readonly deletedAt: Micros | undefined;
}

/** A tweet to be stored. */
export interface TweetDraft {
  /** Absent: the server makes one. Given for imports; a Snowflake id says when the tweet was written. */
  readonly id?: bigint;
  /** 1 or more. */
  readonly userId: bigint;
  readonly text: string;
  /** Needed for ids from before Snowflake. For others it must be that of the id, give or take `limits.createdAtToleranceMs`. */
  readonly createdAtMs?: number;
  readonly replyToTweetId?: bigint;
  readonly replyToUserId?: bigint;
  readonly retweetOfId?: bigint;
  /** Absent: 0. */
  readonly flags?: number;
  /** A JSON object as text. */
  readonly extra?: string;
}

/** What a tweet is, beside whether it is deleted. */
export type TweetContent = Omit<Tweet, 'deletedAt'>;
