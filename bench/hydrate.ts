import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { untilMaterialized } from './cluster.js';
import { cpuMicros } from './cpuMicros.js';
import { Profiler, type Shares } from './profile.js';
import { latencies, median } from './statistics.js';
import { generatedTweets, setUpTweets } from './tweetsSetup.js';
import { rounds, sized } from './settings.js';

const tweetCount = sized(20_000);
const timelineLength = 20;
const timelines = sized(6_000);
const inFlight = 64;
/** Parts of the code with a smaller share of a process's time are added up. */
const shownShare = 0.03;

/**
 * Turns timelines of 20 ids into tweets. The client asks, the server answers from the caches, and no database is
 * asked.
 */
export const hydrate: Benchmark = {
  name: 'hydrate',
  meaning: 'How many tweets a second one server hands out from the caches, as bytes to forward or as typed tweets.',
  about: `timelines of ${timelineLength} tweets by their ids, all cached, through SDK and RPC, ${inFlight} in flight; one client and one server process`,
  // A busy machine does not reach this limit, so that every measured read is a hit.
  config: { cache: { tweets: true, deadlineMs: 1_000 } },
  async run({ config, roost, server }: BenchCluster): Promise<readonly Figure[]> {
    await setUpTweets(config, 4, 1);
    const tweets = generatedTweets(tweetCount, 5_000);
    const ids: bigint[] = [];
    for (let start = 0; start < tweetCount; start += 1_000)
      ids.push(...(await roost.tweets.createMany(tweets.slice(start, start + 1_000), { deadlineMs: 60_000 })));
    await untilMaterialized(roost);
    const timeline = (i: number): bigint[] =>
      Array.from({ length: timelineLength }, (_, k) => ids[(i * 7919 + k * 104_729) % tweetCount]!);
    const whole = (found: readonly unknown[]): void => {
      if (found.length !== timelineLength || found.includes(undefined)) throw new Error('a timeline lacks tweets');
    };
    const sides = {
      fragments: async (i: number) => whole(await roost.tweets.fragments('json', timeline(i))),
      typed: async (i: number) => whole(await roost.tweets.getMany(timeline(i))),
    };
    await roost.tweets.fragments('json', ids, { deadlineMs: 60_000 });
    await roost.tweets.getMany(ids, { deadlineMs: 60_000 });
    const rates = { fragments: [] as number[], typed: [] as number[] };
    const cpu = {
      fragments: { server: [] as number[], client: [] as number[] },
      typed: { server: [] as number[], client: [] as number[] },
    };
    for (let round = 0; round <= rounds; round++) {
      for (const side of ['fragments', 'typed'] as const) {
        const [startMs, before, ownBefore] = [performance.now(), cpuMicros(server.pid), process.cpuUsage()];
        await latencies(timelines, inFlight, sides[side]);
        // The first round warms both.
        if (round === 0) continue;
        const all = timelines * timelineLength;
        const own = process.cpuUsage(ownBefore);
        rates[side].push((all * 1_000) / (performance.now() - startMs));
        cpu[side].server.push((cpuMicros(server.pid) - before) / all);
        cpu[side].client.push((own.user + own.system) / all);
      }
    }
    const profiler = new Profiler();
    process.kill(server.pid, 'SIGUSR2');
    await sleep(200);
    await profiler.start();
    await latencies(timelines, inFlight, sides.fragments);
    const client = await profiler.stop();
    process.kill(server.pid, 'SIGUSR2');
    while (!existsSync(server.profilePath)) await sleep(20);
    await sleep(100);
    const served = new Map(JSON.parse(readFileSync(server.profilePath, 'utf8')) as [string, number][]);
    return [
      { name: 'as fragments', value: median(rates.fragments), unit: 'tweets/s', target: { atLeast: 50_000 } },
      { name: 'as typed tweets', value: median(rates.typed), unit: 'tweets/s', target: { atLeast: 50_000 } },
      ...(['fragments', 'typed'] as const).flatMap((side) =>
        (['server', 'client'] as const).map((process) => ({
          name: `CPU of the ${process}, ${side}`,
          value: median(cpu[side][process]),
          unit: 'µs/tweet',
        })),
      ),
      ...shown('server', served),
      ...shown('client', client),
    ];
  },
};

/** The time of a process by part of the code, while the client reads fragments. */
function shown(process: string, shares: Shares): Figure[] {
  const large = [...shares].filter(([, share]) => share >= shownShare);
  const rest = 1 - large.reduce((sum, [, share]) => sum + share, 0);
  return [...large, ['other', rest] as const].map(([part, share]) => ({
    name: `${process}: ${part}`,
    value: share * 100,
    unit: '%',
  }));
}
