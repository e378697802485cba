import { setTimeout as sleep } from 'node:timers/promises';
import { openTbird, windowAt } from '../tbird/index.js';
import { planRemoval, planWindows } from '../tbird/windows/windowPlan.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { untilMaterialized } from './cluster.js';
import { latencies, median, ofRounds } from './statistics.js';
import { generatedTweets, setUpTweets } from './tweetsSetup.js';
import { rounds, sized } from './settings.js';

const hourMs = 3_600_000;
const manyWindows = sized(8_760);
const tweetCount = sized(10_000);
const batchSize = 100;
const batches = sized(300);
const points = sized(10_000);
const pointsInFlight = 64;
/** The time for the database to clean up after a change of some 40,000 rows. */
const settleMs = 5_000;
/** Windows created or removed in one topology change. */
const windowsAtOnce = 1_000;

/**
 * Tweets of the open window by id, by turns while the topology knows a few windows and while it knows a year of
 * hourly windows. Past windows are only in the topology: a lookup in the open window never touches their tables.
 */
export const tweetWindows: Benchmark = {
  name: 'tweetWindows',
  meaning: 'Whether years of tweets in thousands of windows make reads slower.',
  about: `tweets of the open window by id: ${batchSize} in one call, and single ones with ${pointsInFlight} in flight, with a few windows and with ${manyWindows}`,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    await setUpTweets(config, 4, 1, hourMs);
    const tweets = generatedTweets(tweetCount, 1_000);
    const ids: bigint[] = [];
    for (let start = 0; start < tweetCount; start += 1_000)
      ids.push(...(await roost.tweets.createMany(tweets.slice(start, start + 1_000), { deadlineMs: 60_000 })));
    await untilMaterialized(roost);
    const at = (i: number): bigint => ids[(i * 7919) % tweetCount]!;
    const many = async (i: number): Promise<void> => {
      const found = await roost.tweets.getMany(Array.from({ length: batchSize }, (_, k) => at(i * batchSize + k)));
      if (found.some((tweet) => tweet === undefined)) throw new Error('a tweet is missing');
    };
    const measure = async (): Promise<{ many: number; rate: number }> => {
      // A server with a new topology is still freeing the previous one.
      await latencies(batches, 1, many);
      const taken = median(await latencies(batches, 1, many));
      const startMs = performance.now();
      await latencies(points, pointsInFlight, (i) => roost.tweets.get(at(i)));
      return { many: taken, rate: (points / (performance.now() - startMs)) * 1000 };
    };

    const tbird = await openTbird(config);
    const { gizzard, windowSet } = tbird;
    const untilServerKnows = async (windows: number): Promise<void> => {
      while ((await roost.tweets.windows({ deadlineMs: 60_000 })).length !== windows) await sleep(100);
      await sleep(settleMs);
    };
    const first = await windowSet.stored();
    const past = Array.from({ length: manyWindows - first.length }, (_, i) =>
      windowAt(first[0]!.startMs - (i + 1) * hourMs, hourMs),
    );
    const few: { many: number; rate: number }[] = [];
    const year: { many: number; rate: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      few.push(await measure());
      const policy = await windowSet.policy();
      for (const part of chunks(past))
        await gizzard.nameServer.apply(planWindows(gizzard.topology, { ...policy, stripes: 1 }, part, Date.now()));
      await untilServerKnows(manyWindows);
      year.push(await measure());
      const gone = (await windowSet.stored()).filter(({ startMs }) => startMs < first[0]!.startMs);
      for (const part of chunks(gone)) await gizzard.nameServer.apply(planRemoval(gizzard.topology, policy, part));
      await untilServerKnows(first.length);
    }
    await tbird.close();
    const middle = (of: typeof few, what: 'many' | 'rate') => ofRounds(of.map((one) => one[what]));
    const ratio = (what: 'many' | 'rate') => ofRounds(few.map((one, i) => year[i]![what] / one[what]));
    return [
      { name: `${batchSize} by id, ${first.length} windows`, ...middle(few, 'many'), unit: 'ms' },
      { name: `${batchSize} by id, ${manyWindows} windows`, ...middle(year, 'many'), unit: 'ms' },
      { name: 'many / few, time', ...ratio('many'), unit: '', target: { atMost: 1.2 } },
      { name: `one by id, ${first.length} windows`, ...middle(few, 'rate'), unit: 'reads/s' },
      { name: `one by id, ${manyWindows} windows`, ...middle(year, 'rate'), unit: 'reads/s' },
      { name: 'many / few, rate', ...ratio('rate'), unit: '', target: { atLeast: 0.8 } },
    ];
  },
};

const chunks = <T>(list: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(list.length / windowsAtOnce) }, (_, i) =>
    list.slice(i * windowsAtOnce, (i + 1) * windowsAtOnce),
  );
