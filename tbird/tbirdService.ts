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

/** Tweets as a library: what the RPC server exposes and tests call directly. Every method throws RoostError; `FailedPrecondition` where tweets are not set up. */
export interface TbirdService {
  /** New ids, rising, 1 … limits.tweetsPerCall of them: a create that brings them may be repeated, which one that leaves the ids to the server may not. */
  reserveIds(count: number, options?: ReadOptions): Promise<BigInt64Array>;
  /**
   * Stores tweets, all of them or none, and puts them into their authors' indexes. Returns their ids in the order of the drafts. Repeating a create with the
   * same content changes nothing; other content for an id that is there throws `AlreadyExists`, whose fields `stored` and `given` show both.
   */
  create(drafts: readonly TweetDraft[], options?: WriteOptions): Promise<BigInt64Array>;
  /** Marks tweets as deleted as of `time`; absent: now. Those that never come to exist stay so. */
  delete(ids: BigInt64Array, options?: TimedWriteOptions): Promise<void>;
  /** The reverse. */
  undelete(ids: BigInt64Array, options?: TimedWriteOptions): Promise<void>;
  /** Tweets in the order of the ids; undefined where there is none. Deleted ones come with `deleted`, otherwise they are undefined too. */
  get(
    ids: BigInt64Array,
    options?: ReadOptions & { readonly deleted?: boolean },
  ): Promise<readonly (Tweet | undefined)[]>;
  /**
   * Tweets ready to be sent, in the order of the ids: undefined for those that are not there or deleted. Formats are `json`, all of a tweet, and `short`, its id, user
   * and text, both a JSON object. Where tweets are cached, rows are read only for fragments that are missing.
   */
  fragments(format: string, ids: BigInt64Array, options?: ReadOptions): Promise<readonly (Buffer | undefined)[]>;
  /** The same for a page of a user's tweets, newest first. A tweet whose row is not there yet is left out. */
  timelineFragments(format: string, request: TimelineRequest, options?: ReadOptions): Promise<readonly Buffer[]>;
  /** Ids of a user's tweets, from the index. */
  timeline(request: TimelineRequest, options?: ReadOptions): Promise<BigInt64Array>;
  /** The same without the index: goes through the windows from the newest on, until there is enough. */
  scan(request: TimelineRequest, options?: ReadOptions): Promise<ScannedTimeline>;
  /** Ids of replies to, or retweets of, a tweet: newest first, those with ids below `beforeId`. */
  related(
    kind: 'replies' | 'retweets',
    request: { readonly tweetId: bigint; readonly count: number; readonly beforeId?: bigint },
    options?: ReadOptions,
  ): Promise<BigInt64Array>;
  /** Of users who have marked each tweet as a favorite, of its retweets and of its replies. Exact, and as the graphs are now. */
  counts(ids: BigInt64Array, options?: ReadOptions): Promise<readonly TweetCounts[]>;
  windows(): Promise<readonly WindowInfo[]>;
  /** Windows that the retention dropped and that can be brought back, or are back, oldest first. */
  droppedWindows(): Promise<readonly DroppedWindow[]>;
}
