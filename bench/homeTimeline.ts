import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../core/index.js';
import type { RedisHost } from '../redis/index.js';
import { makeEntry, type TimelineService } from '../timeline/index.js';
import { routingKeyOf } from '../timeline/names.js';
import { timelinesTableId } from '../timeline/timelineShards.js';
import type { Benchmark, Figure } from './benchmark.js';
import { RawMemjs } from './raw/rawMemjs.js';
import { latencies, median, ofRounds, timed } from './statistics.js';
import { rounds, sized } from './settings.js';
import { untilQuiet, withTimelines, type BenchTimelines } from './timelinesSetup.js';

const pageLength = 20;
const authors = 50;
const tweets = 400;
const reader = 1_000n;
const calls = sized(400);
/** Calls of each side before its calls count: in a quick run too, the code is compiled. */
const warmCalls = 1_000;
const callsAtOnce = 16;
const mostFollowed = sized(100_000);
const rawList = 'raw:home';

/**
 * A page of a home timeline with its tweets as fragments, all cached, one call after another, beside the same page as
 * one LRANGE and one multi-get of memcached.
 */
export const homeTimeline: Benchmark = {
  name: 'homeTimeline',
  about: `pages of ${pageLength} of a home timeline, of ${authors} authors, with their fragments; over RPC, client and server in one process; rebuilds, and what a timeline takes in Redis`,
  meaning: 'How long a user waits for the first page of their home timeline.',
  needsCluster: false,
  run: () =>
    withTimelines(async (timelines) => {
      const { config, service, roost } = timelines;
      const { tbird, gizzard } = service;
      await timelines.begin(BigInt64Array.of(reader));
      for (let author = 1n; author <= authors; author++) await timelines.follow(BigInt64Array.of(reader), author);
      const ids = await tbird.create(
        Array.from({ length: tweets }, (_, i) => ({ userId: BigInt(1 + (i % authors)), text: `tweet ${i}` })),
      );
      await untilQuiet(gizzard);
      const fragments = await tbird.fragments('json', ids);
      const raw = new RawMemjs(config.memcached);
      const host = gizzard.hosts.host('tl1') as RedisHost;
      const keyed = Array.from(ids, (id, i) => [`raw:${id}`, fragments[i]!] as const);
      await raw.set(new Map(keyed));
      await host.run(Deadline.after(5_000), (redis) => redis.rpush(rawList, ...keyed.map(([key]) => key)));
      const sides = {
        ours: async () => {
          const page = await roost.timelines.homeFragments('json', reader, { count: pageLength });
          if (page.tweets.length !== pageLength) throw new Error('a page lacks tweets');
        },
        raw: async () => {
          const keys = await host.run(Deadline.after(5_000), (redis) => redis.lrange(rawList, -pageLength, -1));
          const found = await raw.get(keys);
          if (found.length !== pageLength || found.includes(null)) throw new Error('a page lacks tweets');
        },
      };
      const taken = { ours: [] as number[], raw: [] as number[] };
      try {
        for (let round = 0; round <= rounds; round++)
          for (const side of ['ours', 'raw'] as const) {
            // The first round warms both.
            const some = await latencies(round === 0 ? warmCalls : calls, 1, sides[side]);
            if (round > 0) taken[side].push(median(some));
          }
      } finally {
        raw.close();
      }
      const atOnce = await timed(() => latencies(calls, callsAtOnce, sides.ours));
      const few = await rebuild(timelines, 2_000n, 300);
      const many = await rebuild(timelines, 2_001n, mostFollowed);
      return [
        { name: 'ours, p50', ...ofRounds(taken.ours), unit: 'ms', target: { atMost: 2 } },
        { name: 'LRANGE and multi-get, p50', ...ofRounds(taken.raw), unit: 'ms' },
        {
          name: 'ours / raw',
          ...ofRounds(taken.ours.map((ms, round) => ms / taken.raw[round]!)),
          unit: '',
          target: { atMost: 3 },
        },
        { name: `ours, ${callsAtOnce} at once`, value: (calls * 1_000) / atOnce, unit: 'pages/s' },
        { name: 'a rebuild for 300 followed users', value: few, unit: 'ms' },
        { name: `a rebuild for ${mostFollowed} followed users`, value: many, unit: 'ms' },
        {
          name: `a full timeline of ${service.config.keep} entries in one Redis`,
          value: await fullBytes(service),
          unit: 'bytes',
        },
      ] satisfies Figure[];
    }),
};

const edgesPerWrite = 5_000;
const pollMs = 2;

/**
 * The time to build a whole home timeline for a user who follows `count` users and has no timeline. The followed
 * users include those with tweets.
 */
async function rebuild({ service }: BenchTimelines, userId: bigint, count: number): Promise<number> {
  const { flock, home, gizzard } = service;
  for (let from = 0; from < count; from += edgesPerWrite) {
    const destinationIds = BigInt64Array.from({ length: Math.min(edgesPerWrite, count - from) }, (_, i) =>
      BigInt(1 + from + i),
    );
    const sourceIds = new BigInt64Array(destinationIds.length).fill(userId);
    await flock.write(
      { graphId: flock.graph('follows').id, operations: 'add', sourceIds, destinationIds },
      { deadlineMs: 60_000 },
    );
  }
  await untilQuiet(gizzard);
  return timed(async () => {
    while ((await home.page({ userId, count: pageLength }, { deadlineMs: 60_000 })).partial) await sleep(pollMs);
  });
}

/** The memory of a timeline at its full length, with an author in each entry. */
async function fullBytes({ timelines, gizzard, config: { keep } }: TimelineService): Promise<number> {
  const entries = Array.from({ length: keep }, (_, i) =>
    Buffer.concat([makeEntry(BigInt(2 ** 40 + i)), Buffer.alloc(8, i)]),
  );
  await timelines.store('full:1', entries);
  const { shard } = gizzard.topology.route(timelinesTableId, routingKeyOf('full:1')).leaves[0]!;
  const host = gizzard.hosts.host(shard.id.hostname) as RedisHost;
  return host.run(Deadline.after(5_000), async (redis) => {
    const space = (await redis.hgetall(`${gizzard.config.cluster}:shards:timelines`))[shard.id.tablePrefix]!;
    return (await redis.memory('USAGE', `${space}full:1`, 'SAMPLES', 0)) ?? 0;
  });
}
