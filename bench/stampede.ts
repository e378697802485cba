import { setTimeout as sleep } from 'node:timers/promises';
import { LeasedCache, openCaches } from '../cache/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { RawMemjs } from './raw/rawMemjs.js';
import { median, ofRounds, timed } from './statistics.js';
import { rounds } from './settings.js';

const processes = 4;
const readersEach = 250;
/** How long the database takes for one query. */
const queryMs = 20;
const valueBytes = 400;

/**
 * Many readers of one key that no cache has: how many queries reach the database. Each side has clients of its own,
 * as processes would.
 */
export const stampede: Benchmark = {
  name: 'stampede',
  about: `${processes * readersEach} readers at once, in ${processes} clients, of a key that is not cached, whose query takes ${queryMs} ms; beside cache-aside with memjs`,
  meaning: 'What a database gets when the entry of a celebrity expires.',
  // A busy machine does not reach this limit, so that no reader goes past the caches.
  config: { cache: { deadlineMs: 1_000 } },
  async run({ config }: BenchCluster): Promise<readonly Figure[]> {
    let queries = 0;
    const query = async (): Promise<Buffer> => {
      queries++;
      await sleep(queryMs);
      return Buffer.alloc(valueBytes, 'v');
    };
    const pools = await Promise.all(Array.from({ length: processes }, () => openCaches(config)));
    const clients = pools.map(() => new RawMemjs(config.memcached));
    const leased = (round: number) =>
      pools.map(
        ({ main }) =>
          new LeasedCache<string, Buffer>(main, {
            name: `stampede${round}`,
            codec: { format: 1, encode: (value) => value, decode: (body) => Buffer.from(body) },
            ttlSeconds: 60,
            absentTtlSeconds: 60,
            load: async (keys) => new Map(await Promise.all(keys.map(async (key) => [key, await query()] as const))),
          }),
      );
    const aside = async (client: RawMemjs, key: string): Promise<Buffer> => {
      const [found] = await client.get([key]);
      if (found) return found;
      const value = await query();
      await client.set(new Map([[key, value]]));
      return value;
    };
    // As most applications have it: readers of a process that miss a key share one query.
    const shared = clients.map(() => new Map<string, Promise<Buffer>>());
    const sharing = (client: number, key: string): Promise<Buffer> => {
      const running = shared[client]!;
      const known = running.get(key) ?? aside(clients[client]!, key).finally(() => running.delete(key));
      running.set(key, known);
      return known;
    };
    const all = (read: (client: number) => Promise<unknown>) =>
      timed(() => Promise.all(Array.from({ length: processes * readersEach }, (_, i) => read(i % processes))));
    try {
      const ours: number[] = [];
      const theirs: number[] = [];
      const theirsShared: number[] = [];
      const tookOurs: number[] = [];
      const tookTheirs: number[] = [];
      for (let round = 0; round <= rounds; round++) {
        const caches = leased(round);
        queries = 0;
        const ourMs = await all((client) => caches[client]!.get(['key']));
        const ourQueries = queries;
        queries = 0;
        const theirMs = await all((client) => aside(clients[client]!, `aside${round}`));
        const theirQueries = queries;
        queries = 0;
        await all((client) => sharing(client, `shared${round}`));
        // The first round connects.
        if (round === 0) continue;
        ours.push(ourQueries);
        theirs.push(theirQueries);
        theirsShared.push(queries);
        tookOurs.push(ourMs);
        tookTheirs.push(theirMs);
      }
      return [
        { name: 'queries that reach the database', ...ofRounds(ours), unit: '', target: { atMost: 1 } },
        { name: 'queries of cache-aside', ...ofRounds(theirs), unit: '' },
        { name: 'queries of cache-aside that shares within a process', ...ofRounds(theirsShared), unit: '' },
        { name: 'until all have it', value: median(tookOurs), unit: 'ms' },
        { name: 'until all have it, cache-aside', value: median(tookTheirs), unit: 'ms' },
      ];
    } finally {
      for (const client of clients) client.close();
      await Promise.all(pools.map((pool) => pool.close()));
    }
  },
};
