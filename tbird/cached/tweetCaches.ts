import { RowCache, type CachePool, type Caches, type Load } from '../../cache/index.js';
import { applyTweets, type AppliedTweet, type TweetWriter } from '../storage/applyTweets.js';
import { mergeTweets, type TweetRecord } from '../tweetRecord.js';
import { tweetCodec } from './tweetCodec.js';

/** What is cached of tweets. Whoever writes tweets that are cached must do it through here. */
export class TweetCaches {
  readonly rows: RowCache<bigint, TweetRecord>;

  /** @param load reads rows from the databases */
  constructor(pool: CachePool, { config, firstLevel }: Pick<Caches, 'config' | 'firstLevel'>, load: Load<bigint, TweetRecord>) {
    this.rows = new RowCache(pool, { name: 'tweets', codec: tweetCodec, merge: mergeTweets, ttlSeconds: config.ttlSeconds, absentTtlSeconds: config.absentTtlSeconds, ...firstLevel, load });
  }

  /** `applyTweets`, and what it changes in the caches. */
  readonly applyTweets: TweetWriter = async (host, table, writes, deadline) => {
    let applied!: AppliedTweet[];
    await this.rows.through([...new Set(writes.map(({ id }) => id))], async () => {
      applied = await applyTweets(host, table, writes, deadline);
      return new Map(applied.map(({ record }) => [record.id, record]));
    });
    return applied;
  };
}
