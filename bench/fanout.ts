import type { Redis } from 'ioredis';
import { Deadline } from '../core/index.js';
import type { RedisHost } from '../redis/index.js';
import { makeEntry } from '../timeline/index.js';
import type { Benchmark, Figure } from './benchmark.js';
import { ofRounds, percentile, timed } from './statistics.js';
import { untilQuiet, withTimelines, type BenchTimelines } from './timelinesSetup.js';
import { rounds, sized } from './settings.js';

const followers = sized(20_000);
const smallFollowers = 20;
const tweetsAtOnce = 5;
const perPipeline = 4_000;
/** Concurrent deliveries of the celebrity. */
const besideDeliveries = sized(1_000_000);
const smallTweets = 200;
const [celebrity, small] = [1n, 2n];

/**
 * Tweets to 20,000 home timelines on two replicas, from their creation to the last push, beside the same entries as
 * pipelined RPUSHX.
 */
export const fanout: Benchmark = {
  name: 'fanout',
  about: `${tweetsAtOnce} tweets to ${followers} home timelines, 2 replicas on 2 Redis servers; create, journal, delivery, pushes, in one process`,
  meaning: 'How many home timelines a second one server fills when somebody posts.',
  needsCluster: false,
  run: () =>
    withTimelines(async (timelines) => {
      const readers = BigInt64Array.from({ length: followers }, (_, i) => BigInt(1_000 + i));
      await timelines.follow(readers, celebrity);
      await timelines.follow(readers.subarray(0, smallFollowers), small);
      await timelines.begin(readers);
      const hosts = ['tl1', 'tl2'].map((name) => timelines.service.gizzard.hosts.host(name) as RedisHost);
      await Promise.all(hosts.map((host) => fillRaw(host, readers)));
      const [ours, raw, single]: [number[], number[], number[]] = [[], [], []];
      for (let round = 0; round <= rounds; round++) {
        const some = await timed(() => deliver(timelines, tweetsAtOnce));
        const pushed = await timed(() => Promise.all(hosts.map((host) => pushRaw(host, readers, round))));
        const one = await timed(() => deliver(timelines, 1));
        // The first round warms both.
        if (round === 0) continue;
        ours.push((followers * tweetsAtOnce * 1_000) / some);
        raw.push((followers * tweetsAtOnce * 1_000) / pushed);
        single.push(one);
      }
      const beside = await besideCelebrity(timelines, readers[0]!);
      return [
        { name: 'ours', ...ofRounds(ours), unit: 'deliveries/s', target: { atLeast: 100_000 } },
        { name: 'ioredis, pipelined RPUSHX', ...ofRounds(raw), unit: 'deliveries/s' },
        {
          name: 'ours / ioredis',
          ...ofRounds(ours.map((rate, round) => rate / raw[round]!)),
          unit: '',
          target: { atLeast: 0.7 },
        },
        { name: `one tweet to ${followers}`, ...ofRounds(single), unit: 'ms', target: { atMost: 1_000 } },
        {
          name: `p99 of an author with ${smallFollowers} followers beside ${besideDeliveries} deliveries`,
          value: percentile(beside, 0.99),
          unit: 'ms',
          target: { atMost: 100 },
        },
      ] satisfies Figure[];
    }),
};

async function deliver({ service }: BenchTimelines, count: number): Promise<void> {
  await service.tbird.create(Array.from({ length: count }, () => ({ userId: celebrity, text: 'to many' })));
  await untilQuiet(service.gizzard);
}

/**
 * The times that a small author's tweets take to reach a reader, while a million deliveries of a celebrity are in
 * flight.
 */
async function besideCelebrity(timelines: BenchTimelines, readerId: bigint): Promise<number[]> {
  const { service } = timelines;
  let delivering = true;
  const load = deliver(timelines, besideDeliveries / followers).finally(() => (delivering = false));
  const taken: number[] = [];
  for (let i = 0; i < smallTweets && delivering; i++) {
    taken.push(
      await timed(async () => {
        const [id] = await service.tbird.create([{ userId: small, text: 'to a few' }]);
        for (;;) {
          const page = await service.timelines.page(`home:${readerId}`, { limit: 20 });
          if (page?.entries.some((entry) => entry.readBigInt64LE(0) === id)) return;
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      }),
    );
  }
  await load;
  await untilQuiet(service.gizzard);
  return taken;
}

const rawKey = (id: bigint): string => `raw:${id}`;

async function pipelined(
  host: RedisHost,
  ids: BigInt64Array,
  add: (pipeline: ReturnType<Redis['pipeline']>, id: bigint) => void,
) {
  await host.run(Deadline.after(60_000), async (redis) => {
    for (let from = 0; from < ids.length; from += perPipeline) {
      const pipeline = redis.pipeline();
      for (const id of ids.subarray(from, from + perPipeline)) add(pipeline, id);
      await pipeline.exec();
    }
  });
}

const fillRaw = (host: RedisHost, ids: BigInt64Array): Promise<void> =>
  pipelined(host, ids, (pipeline, id) => pipeline.rpush(rawKey(id), makeEntry(1n)));

async function pushRaw(host: RedisHost, ids: BigInt64Array, round: number): Promise<void> {
  for (let i = 0; i < tweetsAtOnce; i++) {
    const entry = Buffer.concat([makeEntry(BigInt(2 + round * tweetsAtOnce + i)), Buffer.alloc(8)]);
    await pipelined(host, ids, (pipeline, id) => pipeline.rpushx(rawKey(id), entry));
  }
}
