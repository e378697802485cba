import type { Tbird } from '../../tbird/index.js';
import type { Activity, ReadOptions, Tweet } from '../../wire/index.js';
import { tweetsById } from '../kinds/tweetsById.js';

/** The authors of the tweets that some tweets answer or retweet, including deleted ones. */
export async function authorsOfOriginals(
  tbird: Tbird,
  tweets: readonly Tweet[],
  options: ReadOptions,
): Promise<ReadonlyMap<bigint, bigint>> {
  const ids = tweets.flatMap(({ replyToTweetId, retweetOfId }) => [replyToTweetId, retweetOfId]);
  const originals = await tweetsById(
    tbird,
    ids.filter((id) => id !== undefined),
    { ...options, deleted: true },
  );
  return new Map(Array.from(originals, ([id, { userId }]) => [id, userId]));
}

/**
 * The activity that a tweet is to a user: at most one, the most specific. Undefined if it is their own, or does not
 * concern them.
 */
export function activityOfTweet(
  { id, userId: actorId, retweetOfId, replyToTweetId }: Tweet,
  userId: bigint,
  authors: ReadonlyMap<bigint, bigint>,
  names: boolean,
): Activity | undefined {
  if (actorId === userId) return undefined;
  const isTheirs = (tweetId: bigint | undefined): tweetId is bigint =>
    tweetId !== undefined && authors.get(tweetId) === userId;
  if (isTheirs(retweetOfId)) return { id, kind: 'retweeted', actorId, tweetId: retweetOfId };
  if (isTheirs(replyToTweetId)) return { id, kind: 'replied', actorId, tweetId: replyToTweetId };
  return names ? { id, kind: 'mentioned', actorId } : undefined;
}
