import { packIds, unpackIds } from '../core/index.js';
import { checkEntries } from './edgeColumns.js';
import { column } from './edgeWrites.js';
import type { TimelineRequest, Tweet, TweetCounts, TweetDraft } from './values/tweets.js';
import type { TBirdTypes } from './generated.js';
import { jsonReady } from './jsonReady.js';
import { required, type Received } from './required.js';
import { textFrom, textToThrift } from './text.js';

/** Plain objects shaped like the generated structs, whose classes copy them without undefined fields. */
type Fields<T> = { readonly [K in keyof T]: T[K] | undefined };
type DraftFields = ConstructorParameters<typeof TBirdTypes.TweetDraft>[0] & object;
type CountsFields = Required<ConstructorParameters<typeof TBirdTypes.TweetCounts>[0] & object>;
type RequestFields = ConstructorParameters<typeof TBirdTypes.TimelineRequest>[0] & object;

export const tweetToThrift = (tweet: Tweet): Fields<TBirdTypes.Tweet> => ({
  id: tweet.id,
  user_id: tweet.userId,
  text: Buffer.from(tweet.text),
  created_at_ms: BigInt(tweet.createdAtMs),
  reply_to_tweet_id: tweet.replyToTweetId,
  reply_to_user_id: tweet.replyToUserId,
  retweet_of_id: tweet.retweetOfId,
  flags: BigInt(tweet.flags),
  extra: tweet.extra === undefined ? undefined : Buffer.from(tweet.extra),
  deleted_at: tweet.deletedAt,
});

export const tweetFromThrift = (tweet: Received<TBirdTypes.Tweet>): Tweet =>
  jsonReady({
    id: required(tweet.id, 'id'),
    userId: required(tweet.user_id, 'user_id'),
    text: textFrom(required(tweet.text, 'text'), 'text'),
    createdAtMs: Number(required(tweet.created_at_ms, 'created_at_ms')),
    replyToTweetId: tweet.reply_to_tweet_id ?? undefined,
    replyToUserId: tweet.reply_to_user_id ?? undefined,
    retweetOfId: tweet.retweet_of_id ?? undefined,
    flags: Number(required(tweet.flags, 'flags')),
    extra: tweet.extra == null ? undefined : textFrom(tweet.extra, 'extra'),
    deletedAt: tweet.deleted_at ?? undefined,
  });

/** Throws `InvalidArgument` for text that UTF-8 cannot express. */
export function draftToThrift(draft: TweetDraft): DraftFields {
  return {
    ...(draft.id === undefined ? {} : { id: draft.id }),
    user_id: draft.userId,
    text: textToThrift(draft.text, 'text'),
    ...(draft.createdAtMs === undefined ? {} : { created_at_ms: BigInt(draft.createdAtMs) }),
    ...(draft.replyToTweetId === undefined ? {} : { reply_to_tweet_id: draft.replyToTweetId }),
    ...(draft.replyToUserId === undefined ? {} : { reply_to_user_id: draft.replyToUserId }),
    ...(draft.retweetOfId === undefined ? {} : { retweet_of_id: draft.retweetOfId }),
    ...(draft.flags === undefined ? {} : { flags: BigInt(draft.flags) }),
    ...(draft.extra === undefined ? {} : { extra: Buffer.from(draft.extra) }),
    ...(draft.mentions === undefined ? {} : { mentions: packIds(draft.mentions) }),
  };
}

export const draftFromThrift = (draft: Received<TBirdTypes.TweetDraft>): TweetDraft => ({
  ...(draft.id == null ? {} : { id: draft.id }),
  userId: required(draft.user_id, 'user_id'),
  text: textFrom(required(draft.text, 'text'), 'text'),
  ...(draft.created_at_ms == null ? {} : { createdAtMs: Number(draft.created_at_ms) }),
  ...(draft.reply_to_tweet_id == null ? {} : { replyToTweetId: draft.reply_to_tweet_id }),
  ...(draft.reply_to_user_id == null ? {} : { replyToUserId: draft.reply_to_user_id }),
  ...(draft.retweet_of_id == null ? {} : { retweetOfId: draft.retweet_of_id }),
  ...(draft.flags == null ? {} : { flags: Number(draft.flags) }),
  ...(draft.extra == null ? {} : { extra: textFrom(draft.extra, 'extra') }),
  ...(draft.mentions == null ? {} : { mentions: [...column(draft.mentions, 'mentions')] }),
});

export const countsToThrift = (counts: readonly TweetCounts[]): CountsFields => ({
  favorites: packIds(counts.map(({ favorites }) => favorites)),
  retweets: packIds(counts.map(({ retweets }) => retweets)),
  replies: packIds(counts.map(({ replies }) => replies)),
});

/** Throws `DataLoss` if the answer does not have `count` of each. */
export function countsFromThrift(counts: Received<TBirdTypes.TweetCounts>, count: number): TweetCounts[] {
  const [favorites, retweets, replies] = (['favorites', 'retweets', 'replies'] as const).map((name) => {
    const ids = unpackIds(required(counts[name], name));
    checkEntries(ids.length, count);
    return ids;
  }) as [BigInt64Array, BigInt64Array, BigInt64Array];
  return Array.from({ length: count }, (_, i) =>
    jsonReady({ favorites: favorites[i]!, retweets: retweets[i]!, replies: replies[i]! }),
  );
}

export const timelineToThrift = ({
  userId,
  count,
  beforeId,
  afterId,
  replies,
  retweets,
}: TimelineRequest): RequestFields => ({
  user_id: userId,
  count,
  ...(beforeId === undefined ? {} : { before_id: beforeId }),
  ...(afterId === undefined ? {} : { after_id: afterId }),
  ...(replies === false ? { without_replies: true } : {}),
  ...(retweets === false ? { without_retweets: true } : {}),
});

export const timelineFromThrift = (request: Received<TBirdTypes.TimelineRequest>): TimelineRequest => ({
  userId: required(request.user_id, 'user_id'),
  count: required(request.count, 'count'),
  ...(request.before_id == null ? {} : { beforeId: request.before_id }),
  ...(request.after_id == null ? {} : { afterId: request.after_id }),
  replies: request.without_replies !== true,
  retweets: request.without_retweets !== true,
});
