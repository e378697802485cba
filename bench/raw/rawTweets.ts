import type { Pool } from 'mysql2/promise';

/** Tweets in a transaction. */
const batchTweets = 500;

export interface RawTweet {
  readonly id: bigint;
  readonly userId: bigint;
  readonly text: string;
}

/** The lower bound of storing tweets: the rows of T-Bird's tables, in multi-row statements of mysql2 alone. */
export class RawTweets {
  private constructor(
    private readonly pool: Pool,
    readonly database: string,
  ) {}

  static async create(pool: Pool, database: string): Promise<RawTweets> {
    await pool.query(`CREATE DATABASE ${database}`);
    await pool.query(`CREATE TABLE ${database}.tweets (
      id BIGINT UNSIGNED NOT NULL PRIMARY KEY, user_id BIGINT UNSIGNED NULL, text VARCHAR(280) NULL, created_at_ms BIGINT NULL, reply_to_tweet_id BIGINT UNSIGNED NULL,
      reply_to_user_id BIGINT UNSIGNED NULL, retweet_of_id BIGINT UNSIGNED NULL, flags INT UNSIGNED NULL, extra VARCHAR(4096) NULL, written_at BIGINT NULL,
      state TINYINT UNSIGNED NOT NULL, state_at BIGINT NOT NULL, losers MEDIUMTEXT NULL, KEY author (user_id, id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    return new RawTweets(pool, database);
  }

  async load(tweets: readonly RawTweet[], workers: number): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      for (let start = next; start < tweets.length; start = next) {
        next = start + batchTweets;
        const now = BigInt(Date.now()) * 1_000n;
        const rows = tweets
          .slice(start, next)
          .map(({ id, userId, text }) => [id, userId, text, now / 1_000n, null, null, null, 0, null, now, 0, now]);
        await this.pool.query(
          `INSERT INTO ${this.database}.tweets (id, user_id, text, created_at_ms, reply_to_tweet_id, reply_to_user_id, retweet_of_id, flags, extra, written_at, state, state_at) VALUES ?`,
          [rows],
        );
      }
    };
    await Promise.all(Array.from({ length: workers }, work));
  }

  async drop(): Promise<void> {
    await this.pool.query(`DROP DATABASE ${this.database}`);
  }
}
