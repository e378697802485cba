import {
  limits,
  packIds,
  parseCount,
  parseId,
  parseInt64,
  RoostError,
  unpackIds,
  type Deadline,
  type IdInput,
} from '../core/index.js';
import {
  countsFromThrift,
  draftToThrift,
  fragmentsFromThrift,
  jsonReady,
  TBirdClient,
  timelineToThrift,
  tweetFromThrift,
  type DroppedWindow,
  type ScannedTimeline,
  type TBirdModule,
  type TBirdTypes,
  type Tweet,
  type TweetCounts,
  type TweetFormat,
  type WindowInfo,
} from '../wire/index.js';
import type { CallOptions, Channel } from './channel.js';
import { askWho, type StoreClient } from './clusterService.js';
import { Gatherer } from './gatherer.js';
import { inCalls, readById } from './readById.js';
import { write } from './write.js';
import type { WriteCallOptions } from './writeCallOptions.js';

/** A tweet to store. */
export interface NewTweet {
  readonly userId: IdInput;
  readonly text: string;
  /** An id from `reserveIds`, or that of an imported tweet. Absent: the server makes one. */
  readonly id?: IdInput;
  /**
   * Milliseconds since 1970. Required for ids from before Snowflake; for others it must match the id's time to within
   * two seconds.
   */
  readonly createdAtMs?: number;
  readonly replyToTweetId?: IdInput;
  readonly replyToUserId?: IdInput;
  readonly retweetOfId?: IdInput;
  /** 32 bits. Absent: 0. */
  readonly flags?: number;
  /** At most 4 KB as JSON. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /**
   * Users whom the text mentions: the tweet appears in their mentions timelines. At most 10. Not part of the tweet
   * when it is read.
   */
  readonly mentions?: readonly IdInput[];
}

export interface TimelineOptions extends CallOptions {
  /** Absent: 20. */
  readonly count?: number;
  /** Only tweets with smaller (`before`) or greater (`after`) ids. */
  readonly before?: IdInput;
  readonly after?: IdInput;
  /** Absent: true. */
  readonly replies?: boolean;
  readonly retweets?: boolean;
}

const defaultCount = 20;
/** The tweets of a cluster. */
export class TweetsClient {
  readonly #byId: Gatherer<bigint, Tweet | undefined>;

  constructor(private readonly channel: Channel<TBirdModule.Client>) {
    this.#byId = new Gatherer((ids, options) => this.getMany(ids, options), limits.gatheredIds, channel.deadlineMs);
  }

  /**
   * Stores one tweet and returns its id. Throws `InvalidArgument`, and `AlreadyExists` if the id has other content,
   * which `fields.stored` shows.
   */
  async create(tweet: NewTweet, options: WriteCallOptions = {}): Promise<bigint> {
    const [id] = await this.createMany([tweet], options);
    return id!;
  }

  /**
   * Stores up to `limits.tweetsPerCall` tweets: all or none. Tweets without ids get theirs from a server first, so
   * that a call with a lost answer can be repeated without storing anything twice. After `Unavailable` or
   * `DeadlineExceeded` the tweets may be stored or not.
   */
  async createMany(tweets: readonly NewTweet[], options: WriteCallOptions = {}): Promise<bigint[]> {
    const deadline = this.channel.deadline(options);
    const drafts = tweets.map(draftOf);
    const missing = drafts.filter(({ id }) => id === undefined).length;
    const made = missing === 0 ? [] : await this.#reserveIds(missing, deadline, options.signal);
    let used = 0;
    const withIds = drafts.map((draft) => draftToThrift({ ...draft, id: draft.id ?? made[used++]! }));
    return [
      ...unpackIds(
        await write(this.channel, (client, onWire) => client.create_tweets(withIds, onWire), options, deadline),
      ),
    ];
  }

  /**
   * Reserves 1 … limits.tweetsPerCall ids for tweets to be created later, in rising order. They carry the present
   * time, and each is given out once. A create that brings its id can be repeated any number of times, even by a
   * restarted caller: it stores one tweet.
   */
  async reserveIds(count: number, options: CallOptions = {}): Promise<bigint[]> {
    return this.#reserveIds(
      parseCount(count, 'count', 1, limits.tweetsPerCall),
      this.channel.deadline(options),
      options.signal,
    );
  }

  async delete(id: IdInput, options: WriteCallOptions & { readonly time?: IdInput } = {}): Promise<void> {
    await this.#setState('delete_tweets', id, options);
  }

  async undelete(id: IdInput, options: WriteCallOptions & { readonly time?: IdInput } = {}): Promise<void> {
    await this.#setState('undelete_tweets', id, options);
  }

  /** One tweet; undefined if it does not exist or is deleted. Calls made in the same turn travel together. */
  async get(id: IdInput, options: CallOptions = {}): Promise<Tweet | undefined> {
    return this.#byId.load(parseId(id), options);
  }

  /** Tweets in the order of the ids, undefined for each missing one. Any number of ids. */
  async getMany(
    ids: readonly IdInput[],
    options: CallOptions & { readonly deleted?: boolean } = {},
  ): Promise<(Tweet | undefined)[]> {
    return readById(
      ids.map((id) => parseId(id)),
      limits.tweetsPerCall,
      async (packed) => {
        const { tweets, found } = await this.channel.call(
          (client, within) => client.get_tweets(packed, options.deleted === true, within),
          options,
        );
        return { things: tweets.map(tweetFromThrift), found };
      },
    );
  }

  /**
   * Tweets as UTF-8 ready to be sent on, by place; undefined for each missing one. Any number of ids. This is the
   * fast way to fill a timeline: caching servers pass on what the cache holds, unparsed. Throws `InvalidArgument` for
   * an unknown format.
   */
  async fragments(
    format: TweetFormat,
    ids: readonly IdInput[],
    options: CallOptions = {},
  ): Promise<(Buffer | undefined)[]> {
    return inCalls(
      ids.map((id) => parseId(id)),
      limits.tweetsPerCall,
      async (part) =>
        fragmentsFromThrift(
          await this.channel.call((client, within) => client.get_fragments(packIds(part), format, within), options),
          part.length,
        ),
    );
  }

  /** A user's tweets in that form, newest first. */
  async timelineFragments(format: TweetFormat, user: IdInput, options: TimelineOptions = {}): Promise<Buffer[]> {
    const request = timelineRequest(user, options);
    const answer = await this.channel.call(
      (client, within) => client.timeline_fragments(request, format, within),
      options,
    );
    return fragmentsFromThrift(answer).filter((fragment) => fragment !== undefined);
  }

  /** A user's tweets, newest first. */
  async timeline(user: IdInput, options: TimelineOptions = {}): Promise<Tweet[]> {
    const request = timelineRequest(user, options);
    return (await this.channel.call((client, within) => client.timeline(request, within), options)).map(
      tweetFromThrift,
    );
  }

  /** The ids of a user's tweets alone, which the index answers. */
  async timelineIds(user: IdInput, options: TimelineOptions = {}): Promise<bigint[]> {
    const request = timelineRequest(user, options);
    return [...unpackIds(await this.channel.call((client, within) => client.timeline_ids(request, within), options))];
  }

  /** A user's tweets without the index, window by window from the newest; says how many were read. */
  async scan(user: IdInput, options: TimelineOptions = {}): Promise<ScannedTimeline> {
    const request = timelineRequest(user, options);
    const answer = await this.channel.call((client, within) => client.scan_timeline(request, within), options);
    return jsonReady({
      tweets: answer.tweets.map(tweetFromThrift),
      windowsRead: answer.windows_read,
      windows: answer.windows,
      tablesRead: answer.tables_read,
    });
  }

  /** Ids of replies to a tweet, newest first. */
  async replyIds(
    id: IdInput,
    options: CallOptions & { readonly count?: number; readonly before?: IdInput } = {},
  ): Promise<bigint[]> {
    const request = relatedRequest(id, options);
    return [...unpackIds(await this.channel.call((client, within) => client.reply_ids(request, within), options))];
  }

  /** Ids of retweets of a tweet, newest first. */
  async retweetIds(
    id: IdInput,
    options: CallOptions & { readonly count?: number; readonly before?: IdInput } = {},
  ): Promise<bigint[]> {
    const request = relatedRequest(id, options);
    return [...unpackIds(await this.channel.call((client, within) => client.retweet_ids(request, within), options))];
  }

  /**
   * How often each tweet was favorited, retweeted and replied to, by place. Any number of ids; zeros for unknown
   * ones.
   */
  async counts(ids: readonly IdInput[], options: CallOptions = {}): Promise<TweetCounts[]> {
    return inCalls(
      ids.map((id) => parseId(id)),
      limits.idsPerCall,
      async (part) =>
        countsFromThrift(
          await this.channel.call((client, within) => client.tweet_counts(packIds(part), within), options),
          part.length,
        ),
    );
  }

  /** All windows, oldest first. */
  async windows(options: CallOptions = {}): Promise<WindowInfo[]> {
    const windows = await this.channel.call((client) => client.list_windows(), options);
    return windows.map(({ start_ms: startMs, end_ms: endMs, first_id: firstId, phase, stripes, hosts }) =>
      jsonReady({
        startMs: Number(startMs),
        endMs: Number(endMs),
        firstId,
        phase: phase as WindowInfo['phase'],
        stripes,
        hosts,
      }),
    );
  }

  /**
   * Dropped windows: those that `roost tweets undrop` brings back, and those that it has brought back, oldest first.
   */
  async droppedWindows(options: CallOptions = {}): Promise<DroppedWindow[]> {
    const windows = await this.channel.call((client) => client.list_dropped_windows(), options);
    return windows.map(
      ({ start_ms: startMs, end_ms: endMs, dropped_at_ms: droppedAtMs, kept_until_ms: keptUntilMs, tables, back }) =>
        jsonReady({
          startMs: Number(startMs),
          endMs: Number(endMs),
          droppedAtMs: Number(droppedAtMs),
          keptUntilMs: Number(keptUntilMs),
          tables,
          back,
        }),
    );
  }

  async #reserveIds(count: number, deadline: Deadline, signal: AbortSignal | undefined): Promise<bigint[]> {
    return [
      ...unpackIds(
        await this.channel.callWithin(deadline, (client, within) => client.reserve_ids(count, within), signal),
      ),
    ];
  }

  async #setState(
    method: 'delete_tweets' | 'undelete_tweets',
    id: IdInput,
    options: WriteCallOptions & { readonly time?: IdInput },
  ): Promise<void> {
    const deletion = {
      ids: packIds([parseId(id)]),
      ...(options.time === undefined ? {} : { time: parseInt64(options.time, 'time') }),
    };
    await write(this.channel, (client, onWire) => client[method](deletion, onWire), options);
  }
}

const optional = (value: IdInput | undefined, name: string): bigint | undefined =>
  value === undefined ? undefined : parseId(value, name);

/**
 * Names of fields in release 0.1. Programs in plain JavaScript that still use them get an error instead of losing the
 * values.
 */
const oldNames = {
  user: 'userId',
  createdAt: 'createdAtMs',
  replyToTweet: 'replyToTweetId',
  replyToUser: 'replyToUserId',
  retweetOf: 'retweetOfId',
} as const;

function draftOf(tweet: NewTweet): Parameters<typeof draftToThrift>[0] {
  for (const [old, name] of Object.entries(oldNames)) {
    if (old in tweet)
      throw new RoostError('InvalidArgument', `a tweet's ${old} is named ${name} now`, { fields: { argument: old } });
  }
  const { userId, text, id, createdAtMs, replyToTweetId, replyToUserId, retweetOfId, flags, extra, mentions } = tweet;
  const entries = {
    id: optional(id, 'id'),
    createdAtMs:
      createdAtMs === undefined ? undefined : parseCount(createdAtMs, 'createdAtMs', 0, Number.MAX_SAFE_INTEGER),
    replyToTweetId: optional(replyToTweetId, 'replyToTweetId'),
    replyToUserId: optional(replyToUserId, 'replyToUserId'),
    retweetOfId: optional(retweetOfId, 'retweetOfId'),
    flags: flags === undefined ? undefined : parseCount(flags, 'flags', 0, 2 ** 32 - 1),
    extra: extra === undefined ? undefined : JSON.stringify(extra),
    mentions: mentions?.map((user) => parseId(user, 'mentions')),
  };
  return {
    userId: parseId(userId, 'userId'),
    text,
    ...Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)),
  };
}

function timelineRequest(
  user: IdInput,
  { count = defaultCount, before, after, replies, retweets }: TimelineOptions,
): TBirdTypes.TimelineRequest {
  const [beforeId, afterId] = [optional(before, 'before'), optional(after, 'after')];
  return timelineToThrift({
    userId: parseId(user, 'user'),
    count: parseCount(count, 'count', 1, limits.pageSize),
    ...(beforeId === undefined ? {} : { beforeId }),
    ...(afterId === undefined ? {} : { afterId }),
    ...(replies === undefined ? {} : { replies }),
    ...(retweets === undefined ? {} : { retweets }),
  });
}

const relatedRequest = (
  id: IdInput,
  { count = defaultCount, before }: { readonly count?: number; readonly before?: IdInput },
): TBirdTypes.RelatedRequest => ({
  tweet_id: parseId(id),
  count: parseCount(count, 'count', 1, limits.pageSize),
  ...(before === undefined ? {} : { before_id: parseId(before, 'before') }),
});

/** The service of tweets. */
export const tweetsService = {
  store: 'tbird',
  title: 'tweets',
  servers: 'tweetServers',
  defaultPort: 7917,
  port: ({ tbird_port: port }) => port,
  Client: TBirdClient,
  requestBytes: limits.tbirdRequestBytes,
  probe: (client) => client.list_windows(),
  info: askWho,
  open: (channel) => new TweetsClient(channel),
} as const satisfies StoreClient<TBirdModule.Client, TweetsClient>;
