import { Deadline } from '../core/index.js';
import type { RedisHost } from '../redis/index.js';
import type { Benchmark, Figure } from './benchmark.js';
import { RawMemjs } from './raw/rawMemjs.js';
import { latencies, median, ofRounds } from './statistics.js';
import { untilQuiet, withTimelines } from './timelinesSetup.js';
import { rounds, sized } from './settings.js';

const pageLength = 20;
const authors = 50;
const tweets = 400;
const reader = 1_000n;
const calls = sized(400);
const rawList = 'raw:home';

/** A page of a home timeline with its tweets as fragments, everything cached, beside the same as one LRANGE and one multi-get of memcached. One caller, call after call. */
export const homeTimeline: Benchmark = {
  name: 'homeTimeline',
  about: `pages of ${pageLength} of a home timeline, of ${authors} authors, with their fragments; in one process`,
  meaning: 'How long a user waits for the first page of their home timeline.',
  needsCluster: false,
  run: () =>
    withTimelines(async (timelines) => {
      const { config, service } = timelines;
      const { home, tbird, gizzard } = service;
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
          const { entries } = await home.page({ userId: reader, count: pageLength });
          const found = await tbird.fragments(
            'json',
            BigInt64Array.from(entries, ({ tweetId }) => tweetId),
          );
          if (found.length !== pageLength || found.includes(undefined)) throw new Error('a page lacks tweets');
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
            const some = await latencies(calls, 1, sides[side]);
            // The first round warms both.
            if (round > 0) taken[side].push(median(some));
          }
      } finally {
        raw.close();
      }
      return [
        { name: 'ours, p50', ...ofRounds(taken.ours), unit: 'ms', target: { atMost: 2 } },
        { name: 'LRANGE and multi-get, p50', ...ofRounds(taken.raw), unit: 'ms' },
        {
          name: 'ours / raw',
          ...ofRounds(taken.ours.map((ms, round) => ms / taken.raw[round]!)),
          unit: '',
          target: { atMost: 3 },
        },
      ] satisfies Figure[];
    }),
};
