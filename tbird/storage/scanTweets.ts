import type { Deadline } from '../../core/index.js';
import type { SqlSession, SqlValue } from '../../mysql/index.js';
import { live, type TweetRecord } from '../tweetRecord.js';
import { recordOf } from './tweetRows.js';
import { tweetsTable } from './tweetTable.js';

export interface ScanBounds {
  readonly userId: bigint;
  /** Both exclusive. */
  readonly beforeId: bigint | undefined;
  readonly afterId: bigint | undefined;
  readonly replies: boolean;
  readonly retweets: boolean;
}

/** A user's newest undeleted tweets in one table, newest first. */
export async function scanTweets(
  session: SqlSession,
  table: string,
  bounds: ScanBounds,
  limit: number,
  deadline: Deadline,
): Promise<TweetRecord[]> {
  const parts: { sql: string; values: SqlValue[] }[] = [
    { sql: 'user_id = ? AND state = ?', values: [bounds.userId, live] },
    ...(bounds.beforeId === undefined ? [] : [{ sql: 'id < ?', values: [bounds.beforeId] }]),
    ...(bounds.afterId === undefined ? [] : [{ sql: 'id > ?', values: [bounds.afterId] }]),
    ...(bounds.replies
      ? []
      : [
          {
            sql: '(retweet_of_id IS NOT NULL OR (reply_to_tweet_id IS NULL AND reply_to_user_id IS NULL))',
            values: [],
          },
        ]),
    ...(bounds.retweets ? [] : [{ sql: 'retweet_of_id IS NULL', values: [] }]),
  ];
  const rows = await session.rows(
    `SELECT ${tweetsTable.list} FROM ${table} FORCE INDEX (author) WHERE ${parts.map(({ sql }) => sql).join(' AND ')} ORDER BY id DESC LIMIT ?`,
    [...parts.flatMap(({ values }) => values), limit],
    deadline,
  );
  return rows.map((row) => recordOf(row));
}
