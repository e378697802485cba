import { inParts, type DatabaseHost, type Movable, type MovableTable, type ShardInfo } from '../../gizzard/index.js';
import type { Deadline } from '../../core/index.js';
import { contentText } from '../tweetRules.js';
import { routingKey } from '../windows/timeWindows.js';
import { mergeTweets, sameRecord, type TweetRecord } from '../tweetRecord.js';
import { applyTweets } from './applyTweets.js';
import { readTweets, recordOf } from './tweetRows.js';
import { tweetColumns, tweetTable } from './tweetTable.js';

const suffix = '_tweets';

/** How the shards of tweets are copied, compared, repaired and taken away: page by page in the order of the ids. */
export const tweetMoves = (database: string): Movable => ({
  tables: [tweetsMoves(database)],
  async drop(host, shard, deadline) {
    await host.run(`DROP TABLE IF EXISTS ${tweetTable(database, shard)}`, [], deadline);
  },
  async rename(host, shard, prefix, deadline) {
    if (await exists(host, database, `${prefix}${suffix}`, deadline)) return;
    await host.run(`RENAME TABLE ${tweetTable(database, shard)} TO ${tweetTable(database, { ...shard, id: { ...shard.id, tablePrefix: prefix } })}`, [], deadline);
  },
  async stored(host, deadline) {
    const rows = await host.rows(
      `SELECT table_name, data_length + index_length FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE '%\\_tweets'`,
      [database],
      deadline,
    );
    return new Map(rows.map(([name, bytes]) => [String(name).slice(0, -suffix.length), Number(bytes)]));
  },
});

/** A row, and the length of its shard's window, by which its stripe is found. */
export interface TweetRow {
  readonly record: TweetRecord;
  readonly windowMs: number;
}

/** A shard says in its source type how long its window is. */
export const windowMsOf = (shard: ShardInfo): number => Number(shard.sourceType);

/** The rows of a shard. */
export function tweetsMoves(database: string): MovableTable<TweetRow> {
  const rowIn = (shard: ShardInfo) => (record: TweetRecord): TweetRow => ({ record, windowMs: windowMsOf(shard) });
  const tableOf = (shard: ShardInfo): string => tweetTable(database, shard);
  const idOf = (key: string): bigint => (key === '' ? -1n : BigInt(key));
  return {
    name: 'tweets',
    async count(host, shard, deadline) {
      const [row] = await host.rows(`SELECT COUNT(*) FROM ${tableOf(shard)}`, [], deadline);
      return Number(row![0]);
    },
    async pageEnd(host, shard, after, limit, deadline) {
      const { where, values } = between(after, undefined);
      const [row] = await host.rows(`SELECT id FROM ${tableOf(shard)} WHERE ${where} ORDER BY id LIMIT 1 OFFSET ?`, [...values, limit - 1], deadline);
      return row === undefined ? undefined : String(row[0]);
    },
    async rows(host, shard, after, end, deadline) {
      const { where, values } = between(after, end);
      return (await host.rows(`SELECT ${tweetColumns} FROM ${tableOf(shard)} WHERE ${where}`, values, deadline)).map((row) => rowIn(shard)(recordOf(row)));
    },
    rowsAt: async (host, shard, keys, deadline) => (await readTweets(host, [{ table: tableOf(shard), ids: keys.map(BigInt) }], deadline)).map(rowIn(shard)),
    key: ({ record }) => String(record.id),
    compareKeys: (a, b) => Number(idOf(a) > idOf(b)) - Number(idOf(a) < idOf(b)),
    routingKey: ({ record, windowMs }) => routingKey(record.id, windowMs),
    same: (a, b) => sameRecord(a.record, b.record),
    lacks: (row, other) => !sameRecord(mergeTweets(row.record, other.record), row.record),
    async write(host, shard, rows, deadline) {
      await inParts(rows, (part) => applyTweets(host, tableOf(shard), part.map(({ record }) => record), deadline));
    },
    describe: ({ record: { id, written, losers, state, stateAt } }) => ({
      id: String(id),
      state: String(state),
      state_at: String(stateAt),
      content: written === undefined ? '' : contentText(written.content),
      written_at: written === undefined ? '' : String(written.writtenAt),
      losers: losers.map(contentText).join(' '),
    }),
  };
}

function between(after: string, end: string | undefined): { where: string; values: bigint[] } {
  const parts = [...(after === '' ? [] : [{ sql: 'id > ?', value: BigInt(after) }]), ...(end === undefined ? [] : [{ sql: 'id <= ?', value: BigInt(end) }])];
  return { where: parts.length === 0 ? 'TRUE' : parts.map(({ sql }) => sql).join(' AND '), values: parts.map(({ value }) => value) };
}

async function exists(host: DatabaseHost, database: string, table: string, deadline: Deadline): Promise<boolean> {
  return (await host.rows('SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?', [database, table], deadline)).length > 0;
}
