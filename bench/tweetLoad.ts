import { chunks, firstIdAt, inParallel } from '../core/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { untilMaterialized } from './cluster.js';
import { rawPool } from './raw/rawConnection.js';
import { RawEdges } from './raw/rawEdges.js';
import { RawTweets } from './raw/rawTweets.js';
import { ofRounds, timed } from './statistics.js';
import { generatedTweets, setUpTweets } from './tweetsSetup.js';
import { rounds, sized } from './settings.js';

const tweetCount = sized(50_000);
const users = 5_000;
const rawWorkers = 2;
const perCall = 500;
const callsInFlight = 8;

/**
 * Stores tweets over RPC until rows and indexes are in their tables, beside mysql2 alone with the same rows, index
 * entries and durability.
 */
export const tweetLoad: Benchmark = {
  name: 'tweetLoad',
  meaning: 'How many tweets a second an import reaches.',
  about: `${tweetCount} tweets with their authors' index, one replica, appendfsync always`,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    await setUpTweets(config, 4, 4);
    const pool = rawPool(config, 2 * rawWorkers);
    const tweets = generatedTweets(tweetCount, users);
    const rates: { ours: number; floor: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const first = firstIdAt(Date.now());
      const ids = BigInt64Array.from(tweets, (_, i) => first + BigInt(i));
      const raw = await RawTweets.create(pool, `raw_tweets_${round}`);
      const index = await RawEdges.create(pool, `raw_index_${round}`);
      const floor = await timed(async () => {
        await Promise.all([
          raw.load(
            tweets.map(({ userId, text }, i) => ({ id: ids[i]!, userId: userId as bigint, text })),
            rawWorkers,
          ),
          index.load(
            { sourceIds: BigInt64Array.from(tweets, ({ userId }) => userId as bigint), destinationIds: ids },
            rawWorkers,
          ),
        ]);
      });
      await raw.drop();
      await index.drop();
      const ours = await timed(async () => {
        await inParallel(chunks(tweets, perCall), callsInFlight, async (some) => {
          await roost.tweets.createMany(some, { deadlineMs: 60_000 });
        });
        await untilMaterialized(roost);
      });
      rates.push({ ours: (tweetCount / ours) * 1000, floor: (tweetCount / floor) * 1000 });
    }
    await pool.end();
    return [
      {
        name: 'ours, over RPC, durable and indexed',
        ...ofRounds(rates.map(({ ours }) => ours)),
        unit: 'tweets/s',
        target: { atLeast: 10_000 },
      },
      { name: 'floor, mysql2 alone', ...ofRounds(rates.map(({ floor }) => floor)), unit: 'tweets/s' },
      {
        name: 'ours / floor',
        ...ofRounds(rates.map(({ ours, floor }) => ours / floor)),
        unit: '',
        target: { atLeast: 0.55 },
      },
    ];
  },
};
