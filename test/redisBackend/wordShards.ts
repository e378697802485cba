import type { Deadline } from '../../core/index.js';
import type { JobType, Movable, MovableTable, NewJob, ShardInfo, ShardType } from '../../gizzard/index.js';
import type { RedisHost } from './redisHosts.js';

export const wordsTableId = 7;

/** The word that a key stands for: of two words the later wins, at equal times the greater. */
export interface Word {
  readonly key: bigint;
  /** Microseconds since 1970, set by the journal. */
  readonly at: bigint;
  readonly text: string;
}

/** A shard is a Redis hash of words by their keys. The field '' keeps a shard without words in existence. */
const shardKeyOf = (cluster: string, { tablePrefix }: { readonly tablePrefix: string }): string =>
  `${cluster}:words:${tablePrefix}`;
const asideKey = (cluster: string, name: string): string => `${cluster}:aside:${name}`;

/** Times compare as text: the greater wins. */
const timeDigits = 20;
const valueOf = ({ at, text }: Word): string => String(at).padStart(timeDigits, '0') + text;
const wordOf = (key: string, value: string): Word => ({
  key: BigInt(key),
  at: BigInt(value.slice(0, timeDigits)),
  text: value.slice(timeDigits),
});

/** Merges words into the shard KEYS[1], which must exist: a shard that is renamed or dropped takes no writes. */
const mergeScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then return redis.error_reply('NOSHARD there is no ' .. KEYS[1]) end
for i = 1, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  if not known or known < ARGV[i + 1] then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end`;
/** Renames KEYS[1] to KEYS[2]; returns 0 if KEYS[1] is missing. */
const renameScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('RENAME', KEYS[1], KEYS[2])
return 1`;

const merge = (host: RedisHost, key: string, words: readonly Word[], deadline: Deadline): Promise<unknown> =>
  host.run(deadline, (redis) =>
    redis.eval(mergeScript, 1, key, ...words.flatMap((word) => [String(word.key), valueOf(word)])),
  );
const rename = async (host: RedisHost, from: string, to: string, deadline: Deadline): Promise<boolean> =>
  (await host.run(deadline, (redis) => redis.eval(renameScript, 2, from, to))) === 1;

/** The word of a key on one shard. */
export async function readWord(
  host: RedisHost,
  cluster: string,
  shard: ShardInfo,
  key: bigint,
  deadline: Deadline,
): Promise<string | undefined> {
  const value = await host.run(deadline, (redis) => redis.hget(shardKeyOf(cluster, shard.id), String(key)));
  return value === null ? undefined : wordOf(String(key), value).text;
}

/** All words of a shard, by their keys. */
export async function wordsOf(host: RedisHost, cluster: string, shard: ShardInfo, deadline: Deadline): Promise<Word[]> {
  const { '': _, ...values } = await host.run(deadline, (redis) => redis.hgetall(shardKeyOf(cluster, shard.id)));
  const words = Object.entries(values).map(([key, value]) => wordOf(key, value));
  return words.sort((a, b) => Number(a.key - b.key));
}

const wordsTable = (cluster: string): MovableTable<Word, RedisHost> => ({
  name: 'words',
  count: async (host, shard, deadline) =>
    (await host.run(deadline, (redis) => redis.hlen(shardKeyOf(cluster, shard.id)))) - 1,
  async pageEnd(host, shard, after, limit, deadline) {
    const behind = (await wordsOf(host, cluster, shard, deadline)).filter(({ key }) => isBehind(key, after));
    const last = behind[limit - 1];
    return last && String(last.key);
  },
  rows: async (host, shard, after, end, deadline) =>
    (await wordsOf(host, cluster, shard, deadline)).filter(
      ({ key }) => isBehind(key, after) && (end === undefined || key <= BigInt(end)),
    ),
  async rowsAt(host, shard, keys, deadline) {
    const wanted = new Set(keys);
    return (await wordsOf(host, cluster, shard, deadline)).filter(({ key }) => wanted.has(String(key)));
  },
  key: ({ key }) => String(key),
  compareKeys: (a, b) => Number(BigInt(a) - BigInt(b)),
  routingKey: ({ key }) => key,
  same: (a, b) => valueOf(a) === valueOf(b),
  lacks: (row, other) => valueOf(row) < valueOf(other),
  write: async (host, shard, rows, deadline) => void (await merge(host, shardKeyOf(cluster, shard.id), rows, deadline)),
  saved: 'derived',
  describe: ({ key, at, text }) => ({ key: String(key), at: String(at), text }),
});

const isBehind = (key: bigint, after: string): boolean => after === '' || key > BigInt(after);

const moving = (cluster: string): Movable<RedisHost> => ({
  tables: [wordsTable(cluster)],
  drop: async (host, { id }, deadline) =>
    void (await host.run(deadline, (redis) => redis.unlink(shardKeyOf(cluster, id)))),
  rename: async (host, { id }, tablePrefix, deadline) =>
    void (await rename(host, shardKeyOf(cluster, id), shardKeyOf(cluster, { tablePrefix }), deadline)),
  holds: async (host, { id }, deadline) =>
    (await host.run(deadline, (redis) => redis.exists(shardKeyOf(cluster, id)))) === 1,
  setAside: (host, { id }, name, deadline) => rename(host, shardKeyOf(cluster, id), asideKey(cluster, name), deadline),
  bringBack: (host, { id }, name, deadline) => rename(host, asideKey(cluster, name), shardKeyOf(cluster, id), deadline),
  dropAside: async (host, name, deadline) =>
    void (await host.run(deadline, (redis) => redis.unlink(asideKey(cluster, name)))),
  async stored(host, deadline) {
    const start = shardKeyOf(cluster, { tablePrefix: '' });
    const keys = await host.run(deadline, (redis) => redis.keys(`${start}*`));
    const sizes = await Promise.all(
      keys.map((key) =>
        host.run(deadline, async (redis) => ({
          rows: (await redis.hlen(key)) - 1,
          bytes: Number(await redis.memory('USAGE', key)),
        })),
      ),
    );
    return new Map(keys.map((key, i) => [key.slice(start.length), sizes[i]!]));
  },
  async missing(host, prefixes, deadline) {
    const stored = await this.stored(host, deadline);
    return new Map(prefixes.filter((prefix) => !stored.has(prefix)).map((prefix) => [prefix, ['words']]));
  },
});

export const wordShardType = (cluster: string): ShardType<RedisHost> => ({
  name: 'words',
  backend: 'redis',
  create: async (host, { id }, deadline) =>
    void (await host.run(deadline, (redis) => redis.hsetnx(shardKeyOf(cluster, id), '', ''))),
  moving: moving(cluster),
});

const kind = 'test.words';

/** Encodes i64 time, i64 key, text. The journal sets the time. */
export function wordJob(key: bigint, text: string): NewJob {
  const payload = Buffer.alloc(16 + Buffer.byteLength(text));
  payload.writeBigInt64LE(key, 8);
  payload.write(text, 16);
  return { kind, payload, times: { count: 1, offsets: [0] } };
}

export const wordJobType = (cluster: string): JobType<Word, RedisHost> => ({
  kind,
  split(payload, add) {
    const key = payload.readBigInt64LE(8);
    add(wordsTableId, key, { key, at: payload.readBigInt64LE(0), text: payload.toString('utf8', 16) });
  },
  async apply(host, leaf, words, deadline) {
    await merge(host, shardKeyOf(cluster, leaf.shard.id), words, deadline);
    return [];
  },
});
