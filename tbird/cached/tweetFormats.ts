import { RoostError } from '../../core/index.js';
import { tweetFormats, type Tweet, type TweetFormat } from '../../wire/index.js';
import { tweetOf } from '../storage/tweetRows.js';
import { deleted, type TweetRecord } from '../tweetRecord.js';

/** The formats of fragments. Ids are strings, which JSON keeps exact; absent fields are left out. */
const formats = {
  /** The whole tweet. */
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

/** Throws `InvalidArgument` for an unknown format. */
export function requireTweetFormat(format: string): asserts format is TweetFormat {
  if (Object.hasOwn(formats, format)) return;
  throw new RoostError(
    'InvalidArgument',
    `there is no format ${JSON.stringify(format)}; there are ${tweetFormats.join(', ')}`,
    { fields: { format } },
  );
}

/** Fragments of the rows that exist and are not deleted. Throws `InvalidArgument` for an unknown format. */
export function renderTweets(format: string, rows: ReadonlyMap<bigint, TweetRecord>): Map<bigint, Buffer> {
  requireTweetFormat(format);
  const render = formats[format];
  const fragments = new Map<bigint, Buffer>();
  for (const [id, row] of rows) {
    const tweet = row.state === deleted ? undefined : tweetOf(row);
    if (tweet !== undefined) fragments.set(id, Buffer.from(render(tweet)));
  }
  return fragments;
}
