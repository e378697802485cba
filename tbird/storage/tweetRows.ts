import { isId, type Deadline } from '../../core/index.js';
import type { RowOf, SqlRow, SqlSession, SqlValue } from '../../mysql/index.js';
import type { Tweet } from '../../wire/index.js';
import type { TweetContent } from '../tweet.js';
import { deleted, type TweetRecord, type WrittenContent } from '../tweetRecord.js';
import { contentFrom, contentRow } from '../tweetRules.js';
import { tweetsTable } from './tweetTable.js';

const { read } = tweetsTable;

/** A row of all columns. Pass `id` if the first column holds something else. */
export function recordOf(row: SqlRow, id = read.id(row)): TweetRecord {
  const [state, stateAt] = [read.state(row), read.state_at(row)];
  const written = writtenIn(row, id);
  const losers = written && read.losers(row);
  return { id, written, losers: losers === undefined ? [] : losersFrom(losers), state, stateAt };
}

/**
 * The content of a row; undefined if none has arrived, or if a flipped bit made it impossible: checks find that the
 * copies of the row differ.
 */
function writtenIn(row: SqlRow, id: bigint): WrittenContent | undefined {
  const userId = read.user_id(row);
  const text = read.text(row);
  const createdAtMs = read.created_at_ms(row);
  const flags = read.flags(row);
  const writtenAt = read.written_at(row);
  if (
    userId === undefined ||
    text === undefined ||
    createdAtMs === undefined ||
    flags === undefined ||
    writtenAt === undefined
  )
    return undefined;
  const replyToTweetId = read.reply_to_tweet_id(row);
  const replyToUserId = read.reply_to_user_id(row);
  const retweetOfId = read.retweet_of_id(row);
  for (const one of [userId, replyToTweetId, replyToUserId, retweetOfId])
    if (one !== undefined && !isId(one)) return undefined;
  const extra = read.extra(row);
  const content = { id, userId, text, createdAtMs, replyToTweetId, replyToUserId, retweetOfId, flags, extra };
  return { content, writtenAt };
}

/** None where a bit has flipped in their JSON: a check finds that the copies of the row differ. */
function losersFrom(json: string): TweetContent[] {
  try {
    return (JSON.parse(json) as unknown[][]).map(contentFrom);
  } catch {
    return [];
  }
}

/** The part of a row that readers see; undefined if it has no content yet. */
export function tweetOf({ written, state, stateAt }: TweetRecord): Tweet | undefined {
  if (written === undefined) return undefined;
  // Property by property: spreading is several times slower, and multi-gets spend their time here.
  const { id, userId, text, createdAtMs, replyToTweetId, replyToUserId, retweetOfId, flags, extra } = written.content;
  return {
    id,
    userId,
    text,
    createdAtMs,
    replyToTweetId,
    replyToUserId,
    retweetOfId,
    flags,
    extra,
    deletedAt: state === deleted ? stateAt : undefined,
  };
}

/** Ids, and the table to look in. */
export interface IdsOfTable {
  readonly table: string;
  readonly ids: readonly bigint[];
}

const otherColumns = tweetsTable.names.filter((name) => name !== tweetsTable.key);

/**
 * An id comes back as its place in the statement, counted from 1, which is cheaper to send and to read than the id.
 * The places stand in a derived table, because MySQL 8 refuses to lock a statement whose own table is a JSON_TABLE
 * (error 3569).
 */
const readSql = (table: string): string =>
  `SELECT ? + k.n, ${otherColumns.map((column) => `t.${column}`).join(', ')}
   FROM (SELECT n, i FROM JSON_TABLE(?, '$[*]' COLUMNS (n FOR ORDINALITY, i BIGINT UNSIGNED PATH '$')) j) k STRAIGHT_JOIN ${table} t ON t.id = k.i`;

/** The existing rows of some ids, from tables of one host in one statement. */
export async function readTweets(
  session: SqlSession,
  tables: readonly IdsOfTable[],
  deadline: Deadline,
  lock = '',
): Promise<TweetRecord[]> {
  const ids: bigint[] = [];
  const values: SqlValue[] = [];
  for (const part of tables) {
    values.push(ids.length, `[${part.ids.join()}]`);
    ids.push(...part.ids);
  }
  const sql = tables.map(({ table }) => readSql(table)).join('\nUNION ALL\n');
  return (await session.rows(`${sql} ${lock}`, values, deadline)).map((row) =>
    recordOf(row, ids[Number(read.id(row)) - 1]),
  );
}

/** Reads tweets of one table, and locks their rows in id order until the transaction ends. */
export const lockTweets = (
  session: SqlSession,
  table: string,
  ids: readonly bigint[],
  deadline: Deadline,
): Promise<TweetRecord[]> => readTweets(session, [{ table, ids }], deadline, 'FOR UPDATE');

/** Inserts rows plainly: an existing one is a `Conflict`. With `replace`, overwrites existing rows. */
export async function writeTweets(
  session: SqlSession,
  table: string,
  records: readonly TweetRecord[],
  replace: boolean,
  deadline: Deadline,
): Promise<void> {
  if (records.length === 0) return;
  await session.run(tweetsTable.insertSql(table, replace), [tweetsTable.rowsJson(records.map(rowOf))], deadline);
}

export const rowOf = ({ id, written, losers, state, stateAt }: TweetRecord): RowOf<typeof tweetsTable> => {
  const content = written?.content;
  return {
    id,
    user_id: content?.userId,
    text: content?.text,
    created_at_ms: content?.createdAtMs,
    reply_to_tweet_id: content?.replyToTweetId,
    reply_to_user_id: content?.replyToUserId,
    retweet_of_id: content?.retweetOfId,
    flags: content?.flags,
    extra: content?.extra,
    written_at: written?.writtenAt,
    state,
    state_at: stateAt,
    losers: losers.length === 0 ? undefined : JSON.stringify(losers.map(contentRow)),
  };
};
