/** A request for a page of a timeline. */
export interface HomeRequest {
  readonly userId: bigint;
  /** 1 … limits.pageSize. */
  readonly count: number;
  /** Only entries with smaller ids. */
  readonly beforeId?: bigint;
  /** Only entries with greater ids. */
  readonly sinceId?: bigint;
}

/** A page of ids of tweets, newest first. */
export interface TweetIdPage {
  readonly ids: readonly bigint[];
  /** Whether tweets may be missing because the timeline is still being rebuilt; a later read has them. */
  readonly partial: boolean;
  /** Where the next page begins; absent at the end. */
  readonly nextBeforeId?: bigint;
}

/** Kinds of activity on users and their tweets, in the order of their numbers on the wire, from 1 on. */
export const activityKinds = ['favorited', 'retweeted', 'replied', 'mentioned', 'followed'] as const;
export type ActivityKind = (typeof activityKinds)[number];

/** Something that somebody did to a user or to one of their tweets. */
export interface Activity {
  /** For a retweet, reply or mention, the id of that tweet; otherwise an id that sorts by time among tweets. */
  readonly id: bigint;
  readonly kind: ActivityKind;
  readonly actorId: bigint;
  /** The user's tweet concerned; absent for mentions and follows, which concern the user. */
  readonly tweetId?: bigint;
}

/** A page of activity, newest first. */
export interface ActivityPage {
  readonly activity: readonly Activity[];
  /** Whether some may be missing because the timeline is still being rebuilt; a later read has it. */
  readonly partial: boolean;
  /** Where the next page begins; absent at the end. */
  readonly nextBeforeId?: bigint;
}

/** Timeline pages of one kind that a server has read since its start. */
export interface TimelineReads {
  readonly kind: string;
  /** From the kept entries alone. */
  readonly kept: bigint;
  /** From timelines that were missing, and rebuilt. */
  readonly rebuilt: bigint;
  /** From timelines that were not complete in time. */
  readonly partial: bigint;
  /** Those that continued beyond the kept entries. */
  readonly behind: bigint;
}
