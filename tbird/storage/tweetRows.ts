import type { Deadline } from '../../core/index.js';
import type { SqlRow, SqlSession, SqlValue } from '../../mysql/index.js';
import type { Tweet } from '../../wire/index.js';
import type { TweetContent } from '../tweet.js';
import { deleted, type TweetRecord } from '../tweetRecord.js';
import { contentFrom, contentRow } from '../tweetRules.js';
import { tweetColumns } from './tweetTable.js';

const bigintOf = (value: SqlRow[number] | undefined): bigint => BigInt(value as number);
const optional = (value: SqlRow[number] | undefined): bigint | undefined =>
  value === null ? undefined : bigintOf(value);

/** A row that begins with the columns of `tweetColumns`, the first of which is not looked at where `id` is given. */
export function recordOf(row: SqlRow, id = bigintOf(row[0])): TweetRecord {
  const [state, stateAt] = [Number(row[10]), bigintOf(row[11])];
  if (row[1] === null) return { id, written: undefined, losers: [], state, stateAt };
  const content = {
    id,
    userId: bigintOf(row[1]),
    text: String(row[2]),
    createdAtMs: Number(row[3]),
    replyToTweetId: optional(row[4]),
    replyToUserId: optional(row[5]),
    retweetOfId: optional(row[6]),
    flags: Number(row[7]),
    extra: row[8] === null ? undefined : String(row[8]),
  };
  return {
    id,
    written: { content, writtenAt: bigintOf(row[9]) },
    losers: row[12] === null ? [] : losersFrom(String(row[12])),
    state,
    stateAt,
  };
}

const losersFrom = (json: string): TweetContent[] => (JSON.parse(json) as unknown[][]).map(contentFrom);

/** What readers see of a row; undefined where there is no content yet. */
export function tweetOf({ written, state, stateAt }: TweetRecord): Tweet | undefined {
  if (written === undefined) return undefined;
  // By name: spreading is several times slower, and multi-gets do this most.
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

/** Ids, and the table that they are to be looked for in. */
export interface IdsOfTable {
  readonly table: string;
  readonly ids: readonly bigint[];
}

const otherColumns = tweetColumns.split(', ').slice(1);

/**
 * An id is given back as its place among all of the statement, counted from 1: that is cheaper to send and to read than the id. The places stand in a derived
 * table, as MySQL 8 refuses to lock a statement whose own table is a JSON_TABLE (error 3569).
 */
const readSql = (table: string): string =>
  `SELECT ? + k.n, ${otherColumns.map((column) => `t.${column}`).join(', ')}
   FROM (SELECT n, i FROM JSON_TABLE(?, '$[*]' COLUMNS (n FOR ORDINALITY, i BIGINT UNSIGNED PATH '$')) j) k STRAIGHT_JOIN ${table} t ON t.id = k.i`;

/** The rows that exist of some ids, from tables of one host in one statement. */
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
    recordOf(row, ids[(row[0] as number) - 1]),
  );
}

/** The same of one table, locked in the order of the ids until the transaction ends. */
export const lockTweets = (
  session: SqlSession,
  table: string,
  ids: readonly bigint[],
  deadline: Deadline,
): Promise<TweetRecord[]> => readTweets(session, [{ table, ids }], deadline, 'FOR UPDATE');

const replaceAll = otherColumns.map((column) => `${column} = VALUES(${column})`).join(', ');

/** Inserts rows plainly: one that exists after all is a `Conflict`. With `replace`, writes rows that exist. */
export async function writeTweets(
  session: SqlSession,
  table: string,
  records: readonly TweetRecord[],
  replace: boolean,
  deadline: Deadline,
): Promise<void> {
  if (records.length === 0) return;
  await session.run(
    `INSERT INTO ${table} (${tweetColumns})
     SELECT i, u, t, c, rt, ru, ro, f, e, w, s, a, l
     FROM JSON_TABLE(?, '$[*]' COLUMNS (
       i BIGINT UNSIGNED PATH '$[0]', u BIGINT UNSIGNED PATH '$[1]', t VARCHAR(280) CHARACTER SET utf8mb4 PATH '$[2]', c BIGINT PATH '$[3]',
       rt BIGINT UNSIGNED PATH '$[4]', ru BIGINT UNSIGNED PATH '$[5]', ro BIGINT UNSIGNED PATH '$[6]', f INT UNSIGNED PATH '$[7]',
       e VARCHAR(4096) CHARACTER SET utf8mb4 PATH '$[8]', w BIGINT PATH '$[9]', s TINYINT UNSIGNED PATH '$[10]', a BIGINT PATH '$[11]',
       l MEDIUMTEXT CHARACTER SET utf8mb4 PATH '$[12]')) j
     ${replace ? `ON DUPLICATE KEY UPDATE ${replaceAll}` : ''}`,
    [JSON.stringify(records.map(rowOf))],
    deadline,
  );
}

/** Integers go as texts, which both servers turn into integers exactly. */
const rowOf = ({ id, written, losers, state, stateAt }: TweetRecord): readonly unknown[] => [
  ...(written === undefined
    ? [String(id), null, null, null, null, null, null, null, null, null]
    : [...contentRow(written.content), String(written.writtenAt)]),
  state,
  String(stateAt),
  losers.length === 0 ? null : JSON.stringify(losers.map(contentRow)),
];
