import { isSnowflake, limits, maxId, RoostError, snowflakeTimeMs } from '../core/index.js';
import type { TweetDraft } from '../wire/index.js';
import type { TweetContent } from './tweet.js';

const maxFlags = 2 ** 32 - 1;

/** How many characters people count in a text: code points of its normal form C, so that é is one however it was typed. */
export const characterCount = (text: string): number => [...text.normalize('NFC')].length;

/** The content of a draft that got its id. Throws `InvalidArgument` naming what is wrong. */
export function contentOf(draft: TweetDraft, id: bigint): TweetContent {
  if (id < 0n || id > maxId) throw invalid('id', `ids are from 0 to 2^63 − 1, not ${id}`, id);
  if (draft.userId < 1n || draft.userId > maxId) throw invalid('user_id', `there is no user ${draft.userId}`, id);
  return {
    id,
    userId: draft.userId,
    text: checkedText(draft.text, id),
    createdAtMs: checkedTime(draft.createdAtMs, id),
    replyToTweetId: optionalId(draft.replyToTweetId, 'reply_to_tweet_id', id),
    replyToUserId: optionalId(draft.replyToUserId, 'reply_to_user_id', id),
    retweetOfId: optionalId(draft.retweetOfId, 'retweet_of_id', id),
    flags: checkedFlags(draft.flags ?? 0, id),
    extra: draft.extra === undefined ? undefined : checkedExtra(draft.extra, id),
  };
}

/** The users whom a draft names, each once. Throws `InvalidArgument`. */
export function checkedMentions({ mentions = [] }: TweetDraft, id: bigint): bigint[] {
  const users = [...new Set(mentions)];
  if (users.length > limits.tweetMentions)
    throw invalid('mentions', `a tweet names at most ${limits.tweetMentions} users, not ${users.length}`, id);
  for (const user of users) if (user < 1n || user > maxId) throw invalid('mentions', `there is no user ${user}`, id);
  return users;
}

function checkedText(given: string, id: bigint): string {
  if (!isWellFormed(given)) throw invalid('text', 'the text holds half of a surrogate pair, which is no character', id);
  const text = given.normalize('NFC');
  if (text.trim() === '') throw invalid('text', 'the text is empty', id);
  const count = characterCount(text);
  if (count > limits.tweetCharacters)
    throw invalid('text', `the text has ${count} characters; a tweet holds ${limits.tweetCharacters}`, id);
  return text;
}

/** Every half of a surrogate pair has its other half. */
const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

function checkedTime(given: number | undefined, id: bigint): number {
  if (given !== undefined && (!Number.isSafeInteger(given) || given < 0))
    throw invalid('created_at', `created_at is milliseconds since 1970, not ${given}`, id);
  if (!isSnowflake(id)) {
    if (given === undefined)
      throw invalid(
        'created_at',
        `id ${id} is from before Snowflake and says nothing of its time: created_at is needed`,
        id,
      );
    return given;
  }
  const own = snowflakeTimeMs(id);
  if (given !== undefined && Math.abs(given - own) > limits.createdAtToleranceMs) {
    throw invalid(
      'created_at',
      `created_at ${new Date(given).toISOString()} disagrees with id ${id}, which is of ${new Date(own).toISOString()}`,
      id,
    );
  }
  return own;
}

function optionalId(value: bigint | undefined, name: string, id: bigint): bigint | undefined {
  if (value !== undefined && (value < 1n || value > maxId))
    throw invalid(name, `${name} must be from 1 to 2^63 − 1, not ${value}`, id);
  return value;
}

function checkedFlags(flags: number, id: bigint): number {
  if (!Number.isInteger(flags) || flags < 0 || flags > maxFlags)
    throw invalid('flags', `flags are an integer from 0 to ${maxFlags}, not ${flags}`, id);
  return flags;
}

function checkedExtra(given: string, id: bigint): string {
  let value: unknown;
  try {
    value = JSON.parse(given);
  } catch (cause) {
    throw invalid(
      'extra',
      `the extra JSON cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      id,
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('extra', 'the extra JSON must be an object', id);
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.tweetExtraBytes)
    throw invalid('extra', `the extra JSON has ${bytes} bytes; a tweet holds ${limits.tweetExtraBytes}`, id);
  return text;
}

const invalid = (argument: string, message: string, id: bigint): RoostError =>
  new RoostError('InvalidArgument', message, { fields: { argument, id } });

/** Content as one text, the same for the same content: for comparisons, and for people. */
export const contentText = (content: TweetContent): string => JSON.stringify(contentRow(content));

/** Content as an array of what JSON can hold, ids as texts. */
export const contentRow = (content: TweetContent): readonly unknown[] => [
  String(content.id),
  String(content.userId),
  content.text,
  content.createdAtMs,
  textOf(content.replyToTweetId),
  textOf(content.replyToUserId),
  textOf(content.retweetOfId),
  content.flags,
  content.extra ?? null,
];

const textOf = (id: bigint | undefined): string | null => (id === undefined ? null : String(id));

/** The reverse of `contentRow`, for what was written by it. */
export function contentFrom(row: readonly unknown[]): TweetContent {
  const [id, userId, text, createdAtMs, replyToTweetId, replyToUserId, retweetOfId, flags, extra] = row as [
    string,
    string,
    string,
    number,
    string | null,
    string | null,
    string | null,
    number,
    string | null,
  ];
  const optional = (value: string | null): bigint | undefined => (value === null ? undefined : BigInt(value));
  return {
    id: BigInt(id),
    userId: BigInt(userId),
    text,
    createdAtMs,
    replyToTweetId: optional(replyToTweetId),
    replyToUserId: optional(replyToUserId),
    retweetOfId: optional(retweetOfId),
    flags,
    extra: extra ?? undefined,
  };
}
