import type { Deadline } from '../../core/index.js';
import type { Movable, ShardInfo, ShardType } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { expiredRoot, missingRoot } from '../windows/windowMap.js';
import { tweetsAttributes } from './tweetsAttributes.js';
import { tweetMoves } from './tweetMoves.js';
import type { TweetTables } from './tweetTable.js';

export const tweetsShardTypeName = 'tweets';

/** The leaves of T-Bird: the tweets of one stripe of a window. */
export const tweetsShardType = (
  tables: TweetTables,
  moving: (moves: Movable) => Movable = (moves) => moves,
): ShardType => ({
  name: tweetsShardTypeName,
  attributes: tweetsAttributes,
  moving: moving(tweetMoves(tables)),
  deniesOnPurpose: [missingRoot, expiredRoot],
  create: (host: DatabaseHost, shard: ShardInfo, deadline: Deadline) => tables.create(host, shard, deadline),
});
