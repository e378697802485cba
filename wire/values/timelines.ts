/** A page of a timeline that is asked for. */
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
  /** Whether tweets may be missing, since the timeline is still being rebuilt: another read, a moment later, has them. */
  readonly partial: boolean;
  /** Where the next page begins; absent at the end. */
  readonly nextBeforeId?: bigint;
}

/** What happens to users and their tweets, in the order of their numbers on the wire, from 1 on. */
export const activityKinds = ['favorited', 'retweeted', 'replied', 'mentioned', 'followed'] as const;
export type ActivityKind = (typeof activityKinds)[number];

/** Something that somebody did to a user or to a tweet of theirs. */
export interface Activity {
  /** Of a retweet, a reply and a mention the id of the tweet that is one; of the others one that sorts by their time among tweets. */
  readonly id: bigint;
  readonly kind: ActivityKind;
  readonly actorId: bigint;
  /** The user's tweet that it happened to; absent where it happened to the user: of mentions and follows. */
  readonly tweetId?: bigint;
}

/** A page of activity, newest first. */
export interface ActivityPage {
  readonly activity: readonly Activity[];
  /** Whether some may be missing, since the timeline is still being rebuilt: another read, a moment later, has it. */
  readonly partial: boolean;
  /** Where the next page begins; absent at the end. */
  readonly nextBeforeId?: bigint;
}

/** Pages of timelines of one kind that a server has read since it started. */
export interface TimelineReads {
  readonly kind: string;
  /** From the kept entries alone. */
  readonly kept: bigint;
  /** Of timelines that were missing, and rebuilt. */
  readonly rebuilt: bigint;
  /** Of timelines that were not complete in time. */
  readonly partial: bigint;
  /** That went on behind the kept entries. */
  readonly behind: bigint;
}
