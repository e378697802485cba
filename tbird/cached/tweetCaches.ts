import { FragmentCache, RowCache, type CachePool, type Caches, type LoadMany } from '../../cache/index.js';
import { toldOfWrites, type Gizzard, type Movable } from '../../gizzard/index.js';
import { tweetFormats } from '../../wire/index.js';
import { applyTweets, type TweetWriter } from '../storage/applyTweets.js';
import { mergeTweets, type TweetRecord } from '../tweetRecord.js';
import { tweetCodec } from './tweetCodec.js';
import { renderTweets } from './tweetFormats.js';

/** The caches of tweets. Every write to cached tweets must go through this. */
export class TweetCaches {
  readonly rows: RowCache<bigint, TweetRecord>;
  /** Tweets ready to be sent, by format. Rows are read only for missing fragments. */
  readonly fragments: FragmentCache;

  /** @param load reads rows from the databases */
  constructor(
    readonly pool: CachePool,
    { config, firstLevel }: Pick<Caches, 'config' | 'firstLevel'>,
    private readonly gizzard: Gizzard,
    load: LoadMany<bigint, TweetRecord>,
  ) {
    const life = { ttlSeconds: config.ttlSeconds, absentTtlSeconds: config.absentTtlSeconds, ...firstLevel };
    this.rows = new RowCache(pool, { ...life, name: 'tweets', codec: tweetCodec, merge: mergeTweets, load });
    this.fragments = new FragmentCache(pool, {
      ...life,
      name: 'fragments',
      formats: tweetFormats,
      render: async (format, ids, deadline) => renderTweets(format, await this.rows.get(ids, deadline)),
    });
  }

  /** `applyTweets`, with its effect on the caches. */
  readonly applyTweets: TweetWriter = async (host, table, writes, deadline, leaf) => {
    const ids = [...new Set(writes.map(({ id }) => id))];
    let applied!: TweetRecord[];
    const write = async () => {
      applied = await applyTweets(host, table, writes, deadline);
      return new Map(applied.map((record) => [record.id, record]));
    };
    await this.rows.through(ids, write, () => this.gizzard.isCurrent(leaf));
    // After the rows, from which fragments are rendered.
    await this.fragments.invalidate(ids);
    return applied;
  };

  /** How shards are moved, with the effect on the caches. */
  readonly moving = (movable: Movable): Movable =>
    toldOfWrites(
      movable,
      () => this.gizzard.topology,
      async ({ keys }) => {
        await this.forget(keys.map(BigInt));
      },
    );

  readonly forget = async (ids: readonly bigint[]): Promise<void> => {
    await this.rows.invalidate(ids);
    // After the rows, from which fragments are rendered.
    await this.fragments.invalidate(ids);
  };
}
