import type { RowDataPacket } from 'mysql2/promise';
import { openTbird } from '../tbird/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { untilMaterialized } from './cluster.js';
import { rawPool } from './raw/rawConnection.js';
import { RawTweets } from './raw/rawTweets.js';
import { latencies, latenciesFor, median, ofRounds } from './statistics.js';
import { generatedTweets, setUpTweets } from './tweetsSetup.js';
import { rounds, sized } from './settings.js';

const tweetCount = sized(100_000);
const turnMs = sized(750);
const batchSize = 100;
const points = sized(10_000);
const pointsInFlight = 64;

/**
 * Uncached tweets by id, from four stripes on one host: a hundred at a time through the library and over RPC, and one
 * at a time over RPC. Beside mysql2 alone, which has the same rows and columns in one table of that host, and asks
 * for them with a prepared `IN` list of the same length. The library runs in mysql2's process, as it does in a
 * server; over RPC the rows travel twice.
 */
export const tweetReads: Benchmark = {
  name: 'tweetReads',
  meaning: 'How long a page of tweets by id takes without caches, and how many single ones a server answers.',
  about: `${batchSize} of ${tweetCount} tweets by id in one call, and single ones with ${pointsInFlight} in flight`,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    await setUpTweets(config, 4, 1);
    const tweets = generatedTweets(tweetCount, 5_000);
    const ids: bigint[] = [];
    for (let start = 0; start < tweetCount; start += 1_000)
      ids.push(...(await roost.tweets.createMany(tweets.slice(start, start + 1_000), { deadlineMs: 60_000 })));
    await untilMaterialized(roost);
    const pool = rawPool(config, 16);
    const raw = await RawTweets.create(pool, 'raw_reads');
    await raw.load(
      tweets.map(({ userId, text }, i) => ({ id: ids[i]!, userId: userId as bigint, text })),
      2,
    );
    const at = (i: number): bigint => ids[(i * 7919) % tweetCount]!;
    const columns =
      'id, user_id, text, created_at_ms, reply_to_tweet_id, reply_to_user_id, retweet_of_id, flags, extra, written_at, state, state_at, losers';
    const expect = (found: number, wanted: number): void => {
      if (found !== wanted) throw new Error(`found ${found} of ${wanted} tweets`);
    };
    const places = Array.from({ length: batchSize }, () => '?').join();
    const rawMany = async (i: number): Promise<void> => {
      const wanted = Array.from({ length: batchSize }, (_, k) => String(at(i * batchSize + k)));
      const [rows] = await pool.execute<RowDataPacket[]>(
        `SELECT ${columns} FROM raw_reads.tweets WHERE id IN (${places})`,
        wanted,
      );
      expect(rows.length, batchSize);
    };
    const tbird = await openTbird(config);
    const libraryMany = async (i: number): Promise<void> => {
      const found = await tbird.get(BigInt64Array.from({ length: batchSize }, (_, k) => at(i * batchSize + k)));
      expect(found.filter((tweet) => tweet !== undefined).length, batchSize);
    };
    const rpcMany = async (i: number): Promise<void> => {
      const found = await roost.tweets.getMany(Array.from({ length: batchSize }, (_, k) => at(i * batchSize + k)));
      expect(found.filter((tweet) => tweet !== undefined).length, batchSize);
    };
    const rawOne = async (i: number): Promise<void> => {
      const [rows] = await pool.execute<RowDataPacket[]>(`SELECT ${columns} FROM raw_reads.tweets WHERE id = ?`, [
        String(at(i)),
      ]);
      expect(rows.length, 1);
    };
    const oursOne = async (i: number): Promise<void> =>
      expect((await roost.tweets.get(at(i))) === undefined ? 0 : 1, 1);
    const took: { rawMany: number; libraryMany: number; rpcMany: number; rawOne: number; oursOne: number }[] = [];
    const middle = async (work: (i: number) => Promise<void>): Promise<number> =>
      median(await latenciesFor(turnMs, work));
    for (let round = 0; round <= rounds; round++) {
      const medians = {
        rawMany: await middle(rawMany),
        libraryMany: await middle(libraryMany),
        rpcMany: await middle(rpcMany),
      };
      const rate = async (work: (i: number) => Promise<void>): Promise<number> => {
        const startMs = performance.now();
        await latencies(points, pointsInFlight, work);
        return (points / (performance.now() - startMs)) * 1000;
      };
      const rates = { rawOne: await rate(rawOne), oursOne: await rate(oursOne) };
      // The first round warms both.
      if (round > 0) took.push({ ...medians, ...rates });
    }
    await tbird.close();
    await raw.drop();
    await pool.end();
    return [
      {
        name: `${batchSize} by id, through the library`,
        ...ofRounds(took.map((one) => one.libraryMany)),
        unit: 'ms',
      },
      { name: `${batchSize} by id, over RPC`, ...ofRounds(took.map((one) => one.rpcMany)), unit: 'ms' },
      { name: `${batchSize} by id, raw SELECT … IN`, ...ofRounds(took.map((one) => one.rawMany)), unit: 'ms' },
      {
        name: 'library / raw, time',
        ...ofRounds(took.map((one) => one.libraryMany / one.rawMany)),
        unit: '',
        target: { atMost: 1.5 },
      },
      {
        name: 'RPC / raw, time',
        ...ofRounds(took.map((one) => one.rpcMany / one.rawMany)),
        unit: '',
        target: { atMost: 1.6 },
      },
      { name: 'one by id, over RPC', ...ofRounds(took.map((one) => one.oursOne)), unit: 'reads/s' },
      { name: 'one by id, raw', ...ofRounds(took.map((one) => one.rawOne)), unit: 'reads/s' },
      {
        name: 'RPC / raw, rate',
        ...ofRounds(took.map((one) => one.oursOne / one.rawOne)),
        unit: '',
        target: { atLeast: 0.8 },
      },
    ];
  },
};
