import type { Micros } from '../../core/index.js';

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
  /** The users whom the text names, at most `limits.tweetMentions`: they are edges of a graph, no part of the tweet that is read. */
  readonly mentions?: readonly bigint[];
}

/** Those that are there: of users who have marked the tweet, of retweets and of replies. */
export interface TweetCounts {
  readonly favorites: bigint;
  readonly retweets: bigint;
  readonly replies: bigint;
}

/** The forms in which tweets are served as fragments. */
export const tweetFormats = ['json', 'short'] as const;
export type TweetFormat = (typeof tweetFormats)[number];

/** Which tweets of a user: the newest of them, newest first. */
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

/** Tweets of a user that were found without the index, and what it took. */
export interface ScannedTimeline {
  readonly tweets: readonly Tweet[];
  /** Windows that were read, of those that there are, and tables of theirs. */
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
  /** It was brought back; the retention does not drop it until it is released. */
  readonly back: boolean;
}
