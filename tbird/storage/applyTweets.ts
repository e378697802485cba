import { type Deadline, groupBy } from '../../core/index.js';
import type { Leaf } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { mergeTweets, sameRecord, type TweetRecord } from '../tweetRecord.js';
import { lockTweets, writeTweets } from './tweetRows.js';

/** How tweets' rows are written: to the tables alone, or through the caches. */
export type TweetWriter = (...write: [...Parameters<typeof applyTweets>, leaf: Leaf]) => ReturnType<typeof applyTweets>;

/**
 * Merges writes into one shard's rows in one transaction, and returns the resulting tweets. Existing rows are locked
 * in id order; new rows are inserted plainly. If another process has inserted one since, the duplicate key restarts
 * the transaction.
 */
export function applyTweets(
  host: DatabaseHost,
  table: string,
  writes: readonly TweetRecord[],
  deadline: Deadline,
): Promise<TweetRecord[]> {
  const byId = groupBy(writes, ({ id }) => id);
  const ids = [...byId.keys()].sort((a, b) => (a < b ? -1 : 1));
  return host.transaction(deadline, async (session) => {
    const rows = new Map((await lockTweets(session, table, ids, deadline)).map((row) => [row.id, row]));
    const inserted: TweetRecord[] = [];
    const replaced: TweetRecord[] = [];
    const applied = ids.map((id) => {
      const row = rows.get(id);
      const all = row === undefined ? byId.get(id)! : [row, ...byId.get(id)!];
      const record = all.reduce(mergeTweets);
      if (row === undefined) inserted.push(record);
      else if (record !== row) replaced.push(record);
      return record;
    });
    await writeTweets(session, table, inserted, false, deadline);
    await writeTweets(session, table, replaced, true, deadline);
    return applied;
  });
}

/** Deletes the rows that are unchanged since they were read. Returns how many. */
export function removeTweets(
  host: DatabaseHost,
  table: string,
  records: readonly TweetRecord[],
  deadline: Deadline,
): Promise<number> {
  const given = new Map(records.map((record) => [record.id, record]));
  const ids = [...given.keys()].sort((a, b) => (a < b ? -1 : 1));
  return host.transaction(deadline, async (session) => {
    const unchanged = (await lockTweets(session, table, ids, deadline)).filter((record) =>
      sameRecord(record, given.get(record.id)!),
    );
    for (const { id } of unchanged) await session.run(`DELETE FROM ${table} WHERE id = ?`, [id], deadline);
    return unchanged.length;
  });
}
