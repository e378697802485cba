import type { Micros } from '../../core/index.js';

/** A tweet. Its content never changes; it may be deleted and restored. */
export interface Tweet {
  readonly id: bigint;
  readonly userId: bigint;
  /** 1 … 280 code points, in normal form C. */
  readonly text: string;
  /** Milliseconds since 1970. For a Snowflake id, the id's own time. */
  readonly createdAtMs: number;
  readonly replyToTweetId: bigint | undefined;
  readonly replyToUserId: bigint | undefined;
  readonly retweetOfId: bigint | undefined;
  /** 32 bits for the application. */
  readonly flags: number;
  /** A JSON object as text, at most 4 KB. */
  readonly extra: string | undefined;
  /** The time of its deletion; undefined if it is not deleted. */
  readonly deletedAt: Micros | undefined;
}

/** A tweet to store. */
export interface TweetDraft {
  /** Absent: the server makes one. For imports; a Snowflake id carries the tweet's time. */
  readonly id?: bigint;
  /** 1 or more. */
  readonly userId: bigint;
  readonly text: string;
  /**
   * Required for ids from before Snowflake. For others it must match the id's time to within
   * `limits.createdAtToleranceMs`.
   */
  readonly createdAtMs?: number;
  readonly replyToTweetId?: bigint;
  readonly replyToUserId?: bigint;
  readonly retweetOfId?: bigint;
  /** Absent: 0. */
  readonly flags?: number;
  /** A JSON object as text. */
  readonly extra?: string;
  /**
   * Users whom the text mentions, at most `limits.tweetMentions`: they become edges of a graph, and are no part of
   * the tweet that is read.
   */
  readonly mentions?: readonly bigint[];
}

/** Present counts of users who favorited the tweet, of retweets and of replies. */
export interface TweetCounts {
  readonly favorites: bigint;
  readonly retweets: bigint;
  readonly replies: bigint;
}

/** The formats of fragments. */
export const tweetFormats = ['json', 'short'] as const;
export type TweetFormat = (typeof tweetFormats)[number];

/** The newest tweets of a user, newest first. */
export interface TimelineRequest {
  readonly userId: bigint;
  /** 1 … limits.pageSize. */
  readonly count: number;
  /** Only those with smaller ids. */
  readonly beforeId?: bigint;
  /** Only those with greater ids. */
  readonly afterId?: bigint;
  /** Absent: true. */
  readonly replies?: boolean;
  readonly retweets?: boolean;
}

/** A user's tweets found without the index, and the work that it took. */
export interface ScannedTimeline {
  readonly tweets: readonly Tweet[];
  /** Windows read, of those that exist, and their tables. */
  readonly windowsRead: number;
  readonly windows: number;
  readonly tablesRead: number;
}

export interface WindowInfo {
  readonly startMs: number;
  readonly endMs: number;
  readonly firstId: bigint;
  /** `ahead`: begins later; `open`: now; `closed`: over. */
  readonly phase: 'ahead' | 'open' | 'closed';
  readonly stripes: number;
  readonly hosts: readonly string[];
}

/** A window that a policy drops. */
export interface WindowToDrop {
  readonly startMs: number;
  readonly endMs: number;
  readonly tables: number;
}

/** A window that was dropped. */
export interface DroppedWindow extends WindowToDrop {
  readonly droppedAtMs: number;
  readonly keptUntilMs: number;
  /** Whether it was brought back; the retention does not drop it until it is released. */
  readonly back: boolean;
}
