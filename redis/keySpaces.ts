import { RoostError, type Deadline } from '../core/index.js';
import { LuaScript } from './luaScript.js';
import type { RedisHost } from './redisHost.js';

const script = <Keys extends object, Args extends object, Answer>(name: string): LuaScript<Keys, Args, Answer> =>
  new LuaScript(new URL(`lua/${name}.lua`, import.meta.url));

const scripts = {
  create: script<
    { readonly shards: string; readonly spaces: string },
    { readonly shard: string; readonly first: string },
    string
  >('createShard'),
  move: script<
    { readonly from: string; readonly to: string },
    { readonly old: string; readonly new: string },
    -1 | 0 | 1
  >('moveShard'),
};

/** Marks a removed shard: a server that has not heard of its removal must not create it again. */
const gone = 'gone';
/** Keys that one step of a scan examines. */
const scanCount = 1_000;

/** The part of a shard that names its keys. */
export interface SpaceOwner {
  readonly id: { readonly tablePrefix: string };
}

/**
 * The shards of one type on a cluster's servers. A hash on each server maps a shard's name to its key space, the
 * prefix of all its keys, so that one step renames a shard with any number of keys. No space is used twice.
 */
export class KeySpaces {
  /** The hashes of shards by name, and of set-aside ones. A store's scripts read the first. */
  readonly shards: string;
  readonly #aside: string;
  readonly #spaces: string;
  readonly #first: string;

  constructor(cluster: string, type: string) {
    this.shards = `${cluster}:shards:${type}`;
    this.#aside = asideKey(cluster, type);
    this.#spaces = `${cluster}:spaces`;
    this.#first = `${cluster}:${type}:`;
  }

  /** Creates a missing shard. Throws `FailedPrecondition` if it was removed. */
  async create(host: RedisHost, { id }: SpaceOwner, deadline: Deadline): Promise<void> {
    const space = await host.run(deadline, (redis) =>
      scripts.create.run(
        redis,
        { shards: this.shards, spaces: this.#spaces },
        { shard: id.tablePrefix, first: this.#first },
      ),
    );
    if (space === gone) throw takenAway(host, id.tablePrefix);
  }

  /** Undefined if the host does not have the shard. */
  async spaceOf(host: RedisHost, { id }: SpaceOwner, deadline: Deadline): Promise<string | undefined> {
    const space = await host.run(deadline, (redis) => redis.hget(this.shards, id.tablePrefix));
    return space === null || space === gone ? undefined : space;
  }

  /** Renames a shard. One that has the name already stays. */
  async rename(host: RedisHost, { id }: SpaceOwner, prefix: string, deadline: Deadline): Promise<void> {
    await this.#move(host, [this.shards, id.tablePrefix], [this.shards, prefix], deadline);
  }

  setAside(host: RedisHost, { id }: SpaceOwner, name: string, deadline: Deadline): Promise<boolean> {
    return this.#move(host, [this.shards, id.tablePrefix], [this.#aside, name], deadline);
  }

  bringBack(host: RedisHost, { id }: SpaceOwner, name: string, deadline: Deadline): Promise<boolean> {
    return this.#move(host, [this.#aside, name], [this.shards, id.tablePrefix], deadline);
  }

  /** Deletes set-aside data for good. */
  async dropAside(host: RedisHost, name: string, deadline: Deadline): Promise<void> {
    const space = await host.run(deadline, (redis) => redis.hget(this.#aside, name));
    if (space === null || space === gone) return;
    await this.#unlink(host, space, deadline);
    await host.run(deadline, (redis) => redis.hdel(this.#aside, name));
  }

  /** Deletes a shard with all its keys. */
  async drop(host: RedisHost, shard: SpaceOwner, deadline: Deadline): Promise<void> {
    const name = `dropping_${shard.id.tablePrefix}`;
    await this.setAside(host, shard, name, deadline);
    await this.dropAside(host, name, deadline);
  }

  /** The key spaces of all shards on a host, by name. */
  async stored(host: RedisHost, deadline: Deadline): Promise<ReadonlyMap<string, string>> {
    const all = await host.run(deadline, (redis) => redis.hgetall(this.shards));
    return new Map(Object.entries(all).filter(([, space]) => space !== gone));
  }

  async #move(
    host: RedisHost,
    [from, old]: readonly [string, string],
    [to, name]: readonly [string, string],
    deadline: Deadline,
  ): Promise<boolean> {
    if (from === to && old === name) return true;
    const moved = await host.run(deadline, (redis) => scripts.move.run(redis, { from, to }, { old, new: name }));
    if (moved === -1)
      throw new RoostError('AlreadyExists', `Redis ${host.name} holds ${name} already`, {
        fields: { host: host.name, shard: name },
      });
    return moved === 1;
  }

  async #unlink(host: RedisHost, space: string, deadline: Deadline): Promise<void> {
    const pattern = `${space.slice(0, -1)}[:#]*`;
    let cursor = '0';
    do {
      const [next, keys] = await host.run(deadline, (redis) =>
        redis.scan(cursor, 'MATCH', pattern, 'COUNT', scanCount),
      );
      cursor = next;
      if (keys.length > 0) await host.run(deadline, (redis) => redis.unlink(keys));
    } while (cursor !== '0');
    await host.run(deadline, (redis) => redis.unlink(space.slice(0, -1)));
  }
}

export const asideKey = (cluster: string, type: string): string => `${cluster}:aside:${type}`;

const takenAway = (host: RedisHost, shard: string): RoostError =>
  new RoostError('FailedPrecondition', `shard ${shard} is no longer on Redis ${host.name}`, {
    fields: { host: host.name, shard },
  });
