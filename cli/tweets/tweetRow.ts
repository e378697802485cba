import { z } from 'zod';
import { isSnowflake, limits, maxId, RoostError, snowflakeTimeMs } from '../../core/index.js';
import { keyHash } from '../../gizzard/index.js';
import type { NewTweet } from '../../sdk/index.js';
import { contentOf } from '../../tbird/index.js';

const id = z
  .union([z.int().nonnegative(), z.string().regex(/^\d{1,19}$/, 'must be an id of digits')])
  .transform((value, context) => {
    const parsed = BigInt(value);
    if (parsed <= maxId) return parsed;
    context.addIssue({ code: 'custom', message: 'must be an id up to 2^63 − 1' });
    return z.NEVER;
  });

const schema = z.object({
  id,
  user_id: id.optional(),
  text: z.string(),
  /** ISO 8601, or milliseconds since 1970. */
  created_at: z.union([z.int().nonnegative(), z.string()]).optional(),
  reply_to_tweet_id: id.optional(),
  reply_to_user_id: id.optional(),
  retweet_of_id: id.optional(),
});

/** Users for tweets without an author, chosen by a hash of the tweet's id: always the same user for a tweet. */
export const anonymousUsers = 1_000n;

export interface ImportedTweet {
  readonly tweet: NewTweet & { readonly id: bigint };
  /** Set if the file's time differs from that of the id. The id's time counts. */
  readonly otherTime: { readonly given: Date; readonly ofId: Date } | undefined;
}

/** A tweet of a file. Throws `InvalidArgument` if the tweet could not be stored. */
export function tweetOfRow(row: unknown, user: bigint | undefined): ImportedTweet {
  const parsed = schema.safeParse(row);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new RoostError('InvalidArgument', `${issue.path.join('.') || 'the row'}: ${issue.message}`, {
      cause: parsed.error,
    });
  }
  const { data } = parsed;
  const given = data.created_at === undefined ? undefined : new Date(data.created_at);
  if (given !== undefined && Number.isNaN(given.getTime()))
    throw new RoostError('InvalidArgument', `created_at: ${JSON.stringify(data.created_at)} is no time`);
  const ofId = isSnowflake(data.id) ? new Date(snowflakeTimeMs(data.id)) : undefined;
  const differs =
    given !== undefined &&
    ofId !== undefined &&
    Math.abs(given.getTime() - ofId.getTime()) > limits.createdAtToleranceMs;
  const tweet = {
    id: data.id,
    userId: data.user_id ?? user ?? anonymousUser(data.id),
    text: data.text,
    ...(given === undefined || differs ? {} : { createdAtMs: given.getTime() }),
    ...(data.reply_to_tweet_id === undefined ? {} : { replyToTweetId: data.reply_to_tweet_id }),
    ...(data.reply_to_user_id === undefined ? {} : { replyToUserId: data.reply_to_user_id }),
    ...(data.retweet_of_id === undefined ? {} : { retweetOfId: data.retweet_of_id }),
  };
  // Refuses here what the server would refuse, because here the line is known.
  contentOf(
    {
      userId: tweet.userId,
      text: tweet.text,
      ...(tweet.createdAtMs === undefined ? {} : { createdAtMs: tweet.createdAtMs }),
    },
    tweet.id,
  );
  return { tweet, otherTime: differs ? { given, ofId } : undefined };
}

const anonymousUser = (tweetId: bigint): bigint => 1n + (keyHash('fnv1a64').hash(tweetId) % anonymousUsers);
