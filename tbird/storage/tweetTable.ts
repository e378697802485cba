import { columnTypes, defineTable, type ShardTables } from '../../mysql/index.js';

const { id, int64, longText, nullable, safeInteger, text, uint8, uint32 } = columnTypes;

/** The rows of tweets. Content is NULL while only a deletion or its reversal has arrived. */
export const tweetsTable = defineTable(
  'tweets',
  {
    id,
    user_id: nullable(id),
    text: nullable(text(280)),
    created_at_ms: nullable(safeInteger),
    reply_to_tweet_id: nullable(id),
    reply_to_user_id: nullable(id),
    retweet_of_id: nullable(id),
    flags: nullable(uint32),
    extra: nullable(text(4096)),
    written_at: nullable(int64),
    state: uint8,
    state_at: int64,
    losers: nullable(longText),
  },
  'id',
  ['KEY author (user_id, id)'],
);

/** The tables of tweets in one database, one per shard. */
export type TweetTables = ShardTables<typeof tweetsTable.types>;
