import type { Deadline } from '../../core/index.js';
import type { Movable, ShardInfo, ShardType } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { expiredRoot, missingRoot } from '../windows/windowMap.js';
import { tweetMoves } from './tweetMoves.js';
import { tweetTable } from './tweetTable.js';

export const tweetsShardTypeName = 'tweets';

/** The leaves of T-Bird: the tweets of one stripe of a window. */
export const tweetsShardType = (
  database: string,
  moving: (moves: Movable) => Movable = (moves) => moves,
): ShardType => ({
  name: tweetsShardTypeName,
  moving: moving(tweetMoves(database)),
  deniesOnPurpose: [missingRoot, expiredRoot],
  async create(host: DatabaseHost, shard: ShardInfo, deadline: Deadline): Promise<void> {
    await host.run(`CREATE DATABASE IF NOT EXISTS \`${database}\``, [], deadline);
    await host.run(
      `CREATE TABLE IF NOT EXISTS ${tweetTable(database, shard)} (
        id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
        user_id BIGINT UNSIGNED NULL,
        text VARCHAR(280) NULL,
        created_at_ms BIGINT NULL,
        reply_to_tweet_id BIGINT UNSIGNED NULL,
        reply_to_user_id BIGINT UNSIGNED NULL,
        retweet_of_id BIGINT UNSIGNED NULL,
        flags INT UNSIGNED NULL,
        extra VARCHAR(4096) NULL,
        written_at BIGINT NULL,
        state TINYINT UNSIGNED NOT NULL,
        state_at BIGINT NOT NULL,
        losers MEDIUMTEXT NULL,
        KEY author (user_id, id)
      ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      [],
      deadline,
    );
  },
});
