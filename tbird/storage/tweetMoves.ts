import { inParts, type Movable, type MovableTable, type ShardInfo } from '../../gizzard/index.js';
import { type DatabaseHost, movableTables, type SqlRow } from '../../mysql/index.js';
import { contentText } from '../tweetRules.js';
import { routingKey } from '../windows/timeWindows.js';
import { mergeTweets, sameRecord, type TweetRecord } from '../tweetRecord.js';
import { applyTweets, removeTweets } from './applyTweets.js';
import { recordOf, rowOf } from './tweetRows.js';
import { windowMsOf } from './tweetsAttributes.js';
import { tweetsTable, type TweetTables } from './tweetTable.js';

/** Copies, compares, repairs and drops shards of tweets, page by page in id order. */
export const tweetMoves = (tables: TweetTables): Movable<DatabaseHost> =>
  movableTables(tables.database, [tweetsMoves(tables)]);

/** A row with the length of its shard's window, which determines its stripe. */
export interface TweetRow {
  readonly record: TweetRecord;
  readonly windowMs: number;
}

const tweetRowOf = (row: SqlRow, shard: ShardInfo): TweetRow => ({
  record: recordOf(row),
  windowMs: windowMsOf(shard),
});

/** The rows of a shard. */
export const tweetsMoves = (tables: TweetTables): MovableTable<TweetRow, DatabaseHost> => ({
  ...tables.pages(tweetRowOf),
  saved: tweetsTable.saved(({ record }) => rowOf(record), tweetRowOf),
  key: ({ record }) => String(record.id),
  routingKey: ({ record, windowMs }) => routingKey(record.id, windowMs),
  same: (a, b) => sameRecord(a.record, b.record),
  lacks: (row, other) => !sameRecord(mergeTweets(row.record, other.record), row.record),
  async write(host, shard, rows, deadline) {
    await inParts(rows, (part) =>
      applyTweets(
        host,
        tables.at(shard).sql,
        part.map(({ record }) => record),
        deadline,
      ),
    );
  },
  remove: (host, shard, rows, deadline) =>
    removeTweets(
      host,
      tables.at(shard).sql,
      rows.map(({ record }) => record),
      deadline,
    ),
  describe: ({ record: { id, written, losers, state, stateAt } }) => ({
    id: String(id),
    state: String(state),
    state_at: String(stateAt),
    content: written === undefined ? '' : contentText(written.content),
    written_at: written === undefined ? '' : String(written.writtenAt),
    losers: losers.map(contentText).join(' '),
  }),
});
