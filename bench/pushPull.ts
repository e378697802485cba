import type { Redis } from 'ioredis';
import { Deadline, inParallel } from '../core/index.js';
import { readPlayground } from '../playground/index.js';
import type { RedisHost } from '../redis/index.js';
import { seededRandom } from '../test/moving/seededRandom.js';
import type { Benchmark, Figure } from './benchmark.js';
import { cpuMicros } from './cpuMicros.js';
import { sized } from './settings.js';
import { untilQuiet, withTimelines, type BenchTimelines } from './timelinesSetup.js';

const readers = 2_000;
const authors = 200;
const followedPerReader = 20;
const events = sized(6_000);
const eventsAtOnce = 16;
const pageLength = 20;
/** The number of reads in ten events. */
const readsOfTen = 6;
const firstReader = 10_000n;

/** A threshold of 0 pushes everything; a very large threshold pulls everything. */
const thresholds = { push: 0, pull: 1e9, mixed: 1 } as const;

/**
 * Runs one skewed workload of tweets and reads with pushes, with pulls, and by measured costs. Compares the CPU time
 * of all processes and the bytes in Redis.
 */
export const pushPull: Benchmark = {
  name: 'pushPull',
  about: `${events} events of ${authors} authors and ${readers} readers by Zipf, after as many to warm up; CPU of this process, the databases, Redis and memcached`,
  meaning:
    'What delivering tweets and reading timelines costs: less than always pushing, and less than always pulling.',
  needsCluster: false,
  run: () =>
    withTimelines(async (timelines) => {
      await followSome(timelines);
      const cost = {} as Record<keyof typeof thresholds, { readonly seconds: number; readonly bytes: number }>;
      for (const mode of ['push', 'pull', 'mixed'] as const) cost[mode] = await costOf(timelines, thresholds[mode]);
      const better = (of: 'seconds' | 'bytes'): number => Math.min(cost.push[of], cost.pull[of]);
      return [
        ...(['push', 'pull', 'mixed'] as const).flatMap((mode): Figure[] => [
          { name: `${mode}: CPU`, value: cost[mode].seconds, unit: 's' },
          { name: `${mode}: lists in both Redis`, value: cost[mode].bytes / 1_024, unit: 'KiB' },
        ]),
        {
          name: 'mixed / the better of both: CPU',
          value: cost.mixed.seconds / better('seconds'),
          unit: '',
          target: { atMost: 0.8 },
        },
        { name: 'mixed / push: bytes in Redis', value: cost.mixed.bytes / cost.push.bytes, unit: '' },
      ];
    }),
};

async function followSome(timelines: BenchTimelines): Promise<void> {
  const random = seededRandom(1);
  const followers = new Map<bigint, Set<bigint>>();
  for (let reader = 0; reader < readers; reader++)
    for (let i = 0; i < followedPerReader; i++) {
      const author = BigInt(1 + skewed(random, authors));
      followers.set(author, (followers.get(author) ?? new Set()).add(firstReader + BigInt(reader)));
    }
  for (const [author, its] of followers) await timelines.follow(BigInt64Array.from(its), author);
  await untilQuiet(timelines.service.gizzard);
}

/** The cost of the workload once rates are known: the events run twice, and only the second run counts. */
async function costOf(timelines: BenchTimelines, threshold: number) {
  const { service } = timelines;
  Object.assign(service.costs, { threshold });
  await onRedis(timelines, (redis) => redis.flushall());
  await timelines.begin(BigInt64Array.from({ length: readers }, (_, i) => firstReader + BigInt(i)));
  const emptyBytes = await usedBytes(timelines);
  await work(timelines, 2);
  const beforeSeconds = await cpuSeconds(timelines);
  await work(timelines, 3);
  const seconds = (await cpuSeconds(timelines)) - beforeSeconds;
  return { seconds, bytes: (await usedBytes(timelines)) - emptyBytes };
}

async function work({ service }: BenchTimelines, seed: number): Promise<void> {
  const random = seededRandom(seed);
  await inParallel(Array(events).keys(), eventsAtOnce, async () => {
    if (random(10) < readsOfTen) {
      // Frequent readers are not the followers of frequent authors.
      const userId = firstReader + BigInt((skewed(random, readers) * 7) % readers);
      await service.home.page({ userId, count: pageLength }, { deadlineMs: 30_000 });
    } else {
      const userId = BigInt(1 + ((skewed(random, authors) * 11) % authors));
      await service.tbird.create([{ userId, text: 'tweet' }], { deadlineMs: 30_000 });
    }
  });
  await untilQuiet(service.gizzard);
}

/** A random number below a bound. Small numbers are the most frequent, by Zipf's law. */
const skewed = (random: (below: number) => number, below: number): number =>
  Math.min(below - 1, Math.floor(below ** (random(1_000_000) / 1_000_000)) - 1);

/** The CPU time of this process and all servers since they started. */
async function cpuSeconds({ playground }: BenchTimelines): Promise<number> {
  const { user, system } = process.cpuUsage();
  const { servers } = await readPlayground(playground.dir);
  return (user + system + servers.reduce((sum, { pid }) => sum + cpuMicros(pid!), 0)) / 1e6;
}

async function usedBytes(timelines: BenchTimelines): Promise<number> {
  const infos = await onRedis(timelines, (redis) => redis.info('memory'));
  return infos.reduce((sum, info) => sum + Number(/^used_memory_dataset:(\d+)/m.exec(info)?.[1] ?? 0), 0);
}

const onRedis = <T>({ service }: BenchTimelines, run: (redis: Redis) => Promise<T>): Promise<readonly T[]> =>
  Promise.all(
    ['tl1', 'tl2'].map((name) => (service.gizzard.hosts.host(name) as RedisHost).run(Deadline.after(30_000), run)),
  );
