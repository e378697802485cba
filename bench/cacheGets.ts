import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, RowDataPacket } from 'mysql2/promise';
import { FragmentCache, LeasedCache, openCaches, vectorOf } from '../cache/index.js';
import { composeSnowflake, Deadline } from '../core/index.js';
import { openTbird } from '../tbird/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { untilMaterialized } from './cluster.js';
import { rawPool } from './raw/rawConnection.js';
import { RawMemjs } from './raw/rawMemjs.js';
import { latenciesFor, median, ofRounds } from './statistics.js';
import { generatedTweets, setUpTweets } from './tweetsSetup.js';
import { sized } from './settings.js';

const things = sized(2_000);
const windows = 4;
const atOnce = 100;
const calls = sized(300);
const hits = sized(5_000);
const rounds = 7;
/** The approximate size of a tweet as a client gets it. */
const fragmentBytes = 400;

/** Far more tweets than fit the database's small memory: uncached tweets are read from its disk. */
const diskTweets = sized(200_000);
const smallPoolBytes = 8 * 1024 * 1024;
const turnMs = sized(750);
const diskRounds = 5;

/**
 * Reads of cached rows and fragments, one call after another. Beside memjs alone with the same bytes, beside
 * databases that hold everything in memory, and beside databases with little memory.
 */
export const cacheGets: Benchmark = {
  name: 'cacheGets',
  about: `reads of ${atOnce} cached tweets at once, and of single ones, beside memjs alone with the same bytes, and beside the databases`,
  meaning: 'What a read costs that the caches answer, beside memjs alone, and what the databases are spared.',
  // A busy machine does not reach this limit, so that every measured read is a hit.
  config: { cache: { tweets: true, deadlineMs: 1_000 } },
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    await setUpTweets(config, 4, 1);
    const nowMs = Date.now();
    // Tweets of several windows, like the tweets of a timeline.
    const tweets = generatedTweets(things, 500).map((tweet, i) => ({
      ...tweet,
      id: composeSnowflake({ timeMs: nowMs - (i % windows) * 86_400_000 - 1_000 - i, worker: 1, sequence: 0 }),
    }));
    for (let start = 0; start < things; start += 1_000)
      await roost.tweets.createMany(tweets.slice(start, start + 1_000), {
        acknowledgment: 'materialized',
        deadlineMs: 60_000,
      });
    const caches = await openCaches(config);
    const tbird = await openTbird(config, { caches });
    const raw = new RawMemjs(config.memcached);
    try {
      const { rows } = tbird.caches!;
      const ids = tweets.map(({ id }) => id);
      await rows.get(ids);
      const stored = new Map(
        Array.from(await rows.options.load(ids, Deadline.after(30_000)), ([id, tweet]) => [
          `tweet:${id}`,
          rows.options.codec.encode(tweet),
        ]),
      );
      const trailer = Buffer.alloc(20);
      await raw.set(new Map(Array.from(stored, ([key, body]) => [key, Buffer.concat([body, trailer])])));

      const fragments = new FragmentCache(caches.main, {
        name: 'bench',
        formats: ['json'],
        render: async (_, wanted) => new Map(wanted.map((id) => [id, Buffer.alloc(fragmentBytes, String(id))])),
        ttlSeconds: 3_600,
        absentTtlSeconds: 30,
      });
      await fragments.get('json', ids);
      await raw.set(
        new Map(ids.map((id) => [`fragment:${id}`, Buffer.alloc(fragmentBytes + trailer.length, String(id))])),
      );

      const page = (call: number): bigint[] =>
        Array.from({ length: atOnce }, (_, i) => ids[(call * 37 + i * 19) % things]!);
      const vectors = Array.from({ length: things }, (_, call) =>
        vectorOf(
          page(call).map((id) => ({ id, position: id })),
          false,
        ),
      );
      // A cache with a new name is empty. A read costs a miss, a lease, the database reads of the windows and
      // stripes, and a write to the cache.
      const { options } = rows;
      const coldRead = (call: number, round: number) =>
        new LeasedCache(caches.main, { ...options, name: `cold${round}x${call}` }).get(page(call));
      let coldRound = 0;
      const sides = {
        rows: (call: number) => rows.get(page(call)),
        rawRows: (call: number) => raw.get(page(call).map((id) => `tweet:${id}`)),
        cold: (call: number) => coldRead(call, coldRound),
        fragments: (call: number) => fragments.page('json', vectors[call % things]!, 0, atOnce),
        rawFragments: (call: number) => raw.get(Array.from(vectors[call % things]!.ids, (id) => `fragment:${id}`)),
      };
      const taken = Object.fromEntries(Object.keys(sides).map((side) => [side, [] as number[]])) as Record<
        keyof typeof sides,
        number[]
      >;
      const cpu: { ours: number[]; raw: number[] } = { ours: [], raw: [] };
      for (let round = 0; round <= rounds; round++) {
        coldRound = round;
        for (const [side, read] of Object.entries(sides) as [
          keyof typeof sides,
          (call: number) => Promise<unknown>,
        ][]) {
          const startMs = performance.now();
          for (let call = 0; call < calls; call++) await read(call);
          // The first round warms all sides.
          if (round > 0) taken[side].push((performance.now() - startMs) / calls);
        }
        for (const side of ['raw', 'ours'] as const) {
          const before = process.cpuUsage();
          for (let i = 0; i < hits; i++)
            await (side === 'ours' ? rows.getOne(ids[i % things]!) : raw.get([`tweet:${ids[i % things]}`]));
          const { user, system } = process.cpuUsage(before);
          if (round > 0) cpu[side].push((user + system) / hits);
        }
      }
      const ms = (side: keyof typeof sides): number => median(taken[side]);
      return [
        { name: `warm read of ${atOnce} rows`, value: ms('rows'), unit: 'ms' },
        { name: 'times memjs alone', value: ms('rows') / ms('rawRows'), unit: '×', target: { atMost: 1.3 } },
        {
          name: "a read of nothing cached, from the databases' memory, times the warm one",
          value: ms('cold') / ms('rows'),
          unit: '×',
        },
        ...(await coldFromDisk()),
        { name: `page of ${atOnce} fragments`, value: ms('fragments'), unit: 'ms' },
        {
          name: 'times memjs alone, fragments',
          value: ms('fragments') / ms('rawFragments'),
          unit: '×',
          target: { atMost: 1.2 },
        },
        { name: 'CPU of one hit', value: median(cpu.ours), unit: 'µs' },
        {
          name: 'CPU of one hit, times memjs',
          value: median(cpu.ours) / median(cpu.raw),
          unit: '×',
          target: { atMost: 1.5 },
        },
      ];

      async function coldFromDisk(): Promise<Figure[]> {
        const many = generatedTweets(diskTweets, 5_000);
        const diskIds: bigint[] = [];
        for (let start = 0; start < diskTweets; start += 1_000)
          diskIds.push(...(await roost.tweets.createMany(many.slice(start, start + 1_000), { deadlineMs: 60_000 })));
        await untilMaterialized(roost);
        const pool = rawPool(config, 1);
        try {
          if (!(await shrinkPool(pool))) return [];
        } finally {
          await pool.end();
        }
        let made = 0;
        const cold = (call: number): Promise<unknown> =>
          new LeasedCache(caches.main, { ...options, name: `disk${made++}` }).get(
            Array.from({ length: atOnce }, (_, i) => diskIds[(call * 7_919 + i * 104_729) % diskTweets]!),
          );
        const took: { warm: number; cold: number }[] = [];
        for (let round = 0; round <= diskRounds; round++) {
          const one = {
            warm: median(await latenciesFor(turnMs, sides.rows)),
            cold: median(await latenciesFor(turnMs, (call) => cold(round * 1_000 + call))),
          };
          if (round > 0) took.push(one);
        }
        return [
          {
            name: `cold read of ${atOnce} rows of ${diskTweets}, from the databases' disk`,
            ...ofRounds(took.map((one) => one.cold)),
            unit: 'ms',
          },
          {
            name: 'times the warm one',
            ...ofRounds(took.map((one) => one.cold / one.warm)),
            unit: '×',
            target: { atLeast: 10 },
          },
        ];
      }
    } finally {
      raw.close();
      await tbird.close();
      await caches.close();
    }
  },
};

/** Shrinks the database's page memory. Returns whether it could: MySQL frees memory in large pieces only. */
async function shrinkPool(pool: Pool): Promise<boolean> {
  await pool.query(`SET GLOBAL innodb_buffer_pool_size = ${smallPoolBytes}`);
  const deadline = Deadline.after(30_000);
  for (;;) {
    const [[row]] = await pool.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_bytes_data'");
    const [[size]] = await pool.query<RowDataPacket[]>('SELECT @@innodb_buffer_pool_size');
    if (Number(size?.[0]) > 2 * smallPoolBytes) return false;
    if (Number(row?.[1]) <= smallPoolBytes) return true;
    deadline.check('shrinking the buffer pool');
    await sleep(100);
  }
}
