import { RoostError } from '../../core/index.js';
import { tweetFormats, type Tweet, type TweetFormat } from '../../wire/index.js';
import { tweetOf } from '../storage/tweetRows.js';
import { deleted, type TweetRecord } from '../tweetRecord.js';

/** The forms in which tweets are served as fragments. Ids are texts, as JSON's numbers do not hold them; what a tweet does not have is left out. */
const formats = {
  /** All that there is of a tweet. */
  json: ({
    id,
    userId,
    text,
    createdAtMs,
    replyToTweetId,
    replyToUserId,
    retweetOfId,
    flags,
    extra,
  }: Tweet): string => {
    const fields = JSON.stringify({
      id: String(id),
      user_id: String(userId),
      text,
      created_at: new Date(createdAtMs).toISOString(),
      reply_to_tweet_id: replyToTweetId?.toString(),
      reply_to_user_id: replyToUserId?.toString(),
      retweet_of_id: retweetOfId?.toString(),
      flags,
    });
    // Checked when it was stored.
    return extra === undefined ? fields : `${fields.slice(0, -1)},"extra":${extra}}`;
  },
  /** Enough for a line in a list. */
  short: ({ id, userId, text }: Tweet): string => JSON.stringify({ id: String(id), user_id: String(userId), text }),
} as const satisfies Readonly<Record<TweetFormat, (tweet: Tweet) => string>>;

/** The fragments of rows: those of tweets that are there and not deleted. Throws `InvalidArgument` for a format that there is not. */
export function renderTweets(format: string, rows: ReadonlyMap<bigint, TweetRecord>): Map<bigint, Buffer> {
  if (!Object.hasOwn(formats, format)) {
    throw new RoostError(
      'InvalidArgument',
      `there is no format ${JSON.stringify(format)}; there are ${tweetFormats.join(', ')}`,
      { fields: { format } },
    );
  }
  const render = formats[format as TweetFormat];
  const fragments = new Map<bigint, Buffer>();
  for (const [id, row] of rows) {
    const tweet = row.state === deleted ? undefined : tweetOf(row);
    if (tweet !== undefined) fragments.set(id, Buffer.from(render(tweet)));
  }
  return fragments;
}
