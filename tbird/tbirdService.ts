import type {
  DroppedWindow,
  ReadOptions,
  ScannedTimeline,
  TimedWriteOptions,
  TimelineRequest,
  Tweet,
  TweetCounts,
  TweetDraft,
  WindowInfo,
  WriteOptions,
} from '../wire/index.js';

/**
 * Tweets as a library; the RPC server exposes it. Every method throws RoostError: `FailedPrecondition` if tweets are
 * not set up.
 */
export interface TbirdService {
  /**
   * Reserves 1 … limits.tweetsPerCall ids, rising. A create that brings its ids may be repeated; one that leaves ids
   * to the server may not.
   */
  reserveIds(count: number, options?: ReadOptions): Promise<BigInt64Array>;
  /**
   * Stores tweets, all or none, and adds them to their authors' indexes. Returns their ids in order. Repeating a
   * create with the same content changes nothing; different content for an existing id throws `AlreadyExists` with
   * the fields `stored` and `given`.
   */
  create(drafts: readonly TweetDraft[], options?: WriteOptions): Promise<BigInt64Array>;
  /**
   * Marks tweets as deleted as of `time`; absent: now. Tweets that do not exist yet stay deleted once they are
   * created.
   */
  delete(ids: BigInt64Array, options?: TimedWriteOptions): Promise<void>;
  /** Reverses `delete`. */
  undelete(ids: BigInt64Array, options?: TimedWriteOptions): Promise<void>;
  /**
   * Tweets in the order of the ids; undefined for each missing one. Deleted ones are returned with `deleted`, else
   * undefined too.
   */
  get(
    ids: BigInt64Array,
    options?: ReadOptions & { readonly deleted?: boolean },
  ): Promise<readonly (Tweet | undefined)[]>;
  /**
   * Tweets ready to be sent, in the order of the ids; undefined if missing or deleted. Formats: `json`, the whole
   * tweet, and `short`, its id, user and text; both are JSON objects. If tweets are cached, rows are read only for
   * missing fragments.
   */
  fragments(format: string, ids: BigInt64Array, options?: ReadOptions): Promise<readonly (Buffer | undefined)[]>;
  /** A page of a user's tweets in that form, newest first. A tweet whose row has not arrived yet is left out. */
  timelineFragments(format: string, request: TimelineRequest, options?: ReadOptions): Promise<readonly Buffer[]>;
  /** Ids of a user's tweets, from the index. */
  timeline(request: TimelineRequest, options?: ReadOptions): Promise<BigInt64Array>;
  /** A user's tweets without the index: walks the windows from the newest until there is enough. */
  scan(request: TimelineRequest, options?: ReadOptions): Promise<ScannedTimeline>;
  /** Ids below `beforeId` of replies to, or retweets of, a tweet, newest first. */
  related(
    kind: 'replies' | 'retweets',
    request: { readonly tweetId: bigint; readonly count: number; readonly beforeId?: bigint },
    options?: ReadOptions,
  ): Promise<BigInt64Array>;
  /** Counts of users who favorited each tweet, of its retweets and of its replies. Exact at this moment. */
  counts(ids: BigInt64Array, options?: ReadOptions): Promise<readonly TweetCounts[]>;
  windows(): Promise<readonly WindowInfo[]>;
  /** Windows that the retention dropped, whether they can be brought back or are back, oldest first. */
  droppedWindows(): Promise<readonly DroppedWindow[]>;
}
