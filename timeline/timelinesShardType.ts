import type { Movable, MovableTable, ShardSize, ShardType } from '../gizzard/index.js';
import { KeySpaces, redisBackendName, type RedisHost, type SpaceOwner } from '../redis/index.js';
import type { Deadline } from '../core/index.js';
import { keyOf } from './entry.js';
import { TimelineLists, type ListLimits, type TimelineRow } from './lists/timelineLists.js';
import { lacksOf, sameRow } from './lists/mergeRows.js';
import { routingKeyOf } from './names.js';

export const timelinesShardTypeName = 'timelines';

/** Timelines whose memory is looked at to estimate that of all. */
const sampledTimelines = 20;

export const timelineSpaces = (cluster: string): KeySpaces => new KeySpaces(cluster, timelinesShardTypeName);

/** Shards of timelines: lists in Redis. */
export function timelinesShardType(cluster: string, limits: ListLimits): ShardType<RedisHost> {
  const spaces = timelineSpaces(cluster);
  return {
    name: timelinesShardTypeName,
    backend: redisBackendName,
    create: (host, shard, deadline) => spaces.create(host, shard, deadline),
    moving: movable(spaces, limits),
  };
}

const movable = (spaces: KeySpaces, limits: ListLimits): Movable<RedisHost> => ({
  tables: [timelinesTable(spaces, limits)],
  drop: (host, shard, deadline) => spaces.drop(host, shard, deadline),
  rename: (host, shard, prefix, deadline) => spaces.rename(host, shard, prefix, deadline),
  holds: async (host, shard, deadline) => (await spaces.spaceOf(host, shard, deadline)) !== undefined,
  setAside: (host, shard, name, deadline) => spaces.setAside(host, shard, name, deadline),
  bringBack: (host, shard, name, deadline) => spaces.bringBack(host, shard, name, deadline),
  dropAside: (host, name, deadline) => spaces.dropAside(host, name, deadline),
  async stored(host, deadline) {
    const sizes = new Map<string, ShardSize>();
    for (const [prefix, space] of await spaces.stored(host, deadline))
      sizes.set(prefix, await sizeOf(host, space, deadline));
    return sizes;
  },
  async missing(host, prefixes, deadline) {
    const there = await spaces.stored(host, deadline);
    return new Map(prefixes.filter((prefix) => !there.has(prefix)).map((prefix) => [prefix, ['timelines']]));
  },
});

/** How timelines are copied, compared and repaired: page by page in the order of their names. */
function timelinesTable(spaces: KeySpaces, limits: ListLimits): MovableTable<TimelineRow, RedisHost> {
  const lists = (host: RedisHost, shard: SpaceOwner, deadline: Deadline): TimelineLists =>
    new TimelineLists(host, spaces, shard, limits, deadline);
  return {
    name: 'timelines',
    count: (host, shard, deadline) => lists(host, shard, deadline).count(),
    pageEnd: (host, shard, after, limit, deadline) => lists(host, shard, deadline).nameBehind(after, limit),
    async rows(host, shard, after, end, deadline) {
      const of = lists(host, shard, deadline);
      return of.rows(await of.namesBetween(after, end));
    },
    rowsAt: (host, shard, keys, deadline) => lists(host, shard, deadline).rows(keys),
    key: ({ name }) => name,
    compareKeys: (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)),
    routingKey: ({ name }) => routingKeyOf(name),
    same: sameRow,
    lacks: lacksOf,
    async write(host, shard, rows, deadline) {
      const of = lists(host, shard, deadline);
      await Promise.all(rows.map((row) => of.absorb(row)));
    },
    async remove(host, shard, rows, deadline) {
      const of = lists(host, shard, deadline);
      const removed = await Promise.all(rows.map(({ name }) => of.delete(name)));
      return removed.filter((there) => there).length;
    },
    // Home timelines are filled from tweets and follows when they are read.
    saved: 'derived',
    describe: ({ name, stored, through }) => ({
      timeline: name,
      entries: String(stored.length),
      newest: stored.length === 0 ? '' : String(keyOf(stored.at(-1)!)),
      oldest: stored.length === 0 ? '' : String(keyOf(stored[0]!)),
      complete: String(through ?? 'no'),
    }),
  };
}

/** Of the timelines of a space: their number, and what they take if all are like the first ones. */
async function sizeOf(host: RedisHost, space: string, deadline: Deadline): Promise<ShardSize> {
  const index = space.slice(0, -1);
  const [rows, names] = await host.run(deadline, (redis) =>
    Promise.all([redis.zcard(index), redis.zrange(index, 0, String(sampledTimelines - 1))]),
  );
  if (names.length === 0) return { rows, bytes: 0 };
  const bytes = await host.run(deadline, (redis) =>
    Promise.all(names.map((name) => redis.memory('USAGE', `${space}${name}`))),
  );
  const sampled = bytes.reduce<number>((sum, one) => sum + Number(one ?? 0), 0);
  return { rows, bytes: Math.round((sampled / names.length) * rows) };
}
