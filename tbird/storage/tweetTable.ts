import type { ShardInfo } from '../../gizzard/index.js';
import { shardTable } from '../../mysql/index.js';

/** The name of a shard's table, quoted, ready for SQL. */
export const tweetTable = (database: string, shard: ShardInfo): string =>
  shardTable(database, shard.id.tablePrefix, 'tweets');

/** The columns of a row, in the order in which `recordOf` takes them. */
export const tweetColumns =
  'id, user_id, text, created_at_ms, reply_to_tweet_id, reply_to_user_id, retweet_of_id, flags, extra, written_at, state, state_at, losers';
