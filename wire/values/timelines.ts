/** A page of a home timeline that is asked for. */
export interface HomeRequest {
  readonly userId: bigint;
  /** 1 … limits.pageSize. */
  readonly count: number;
  /** Only tweets with smaller ids. */
  readonly beforeId?: bigint;
  /** Only tweets with greater ids. */
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
