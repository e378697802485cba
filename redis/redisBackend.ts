import { RoostError, type Deadline } from '../core/index.js';
import type { Log } from '../process/index.js';
import { asideKey } from './keySpaces.js';
import { RedisHost, type RedisHostConfig } from './redisHost.js';

/** The name of this backend. */
export const redisBackendName = 'redis';

/** Shards with set-aside data on a host, as JSON by name. */
const listKey = (cluster: string): string => `${cluster}:dropped`;
/** Redis as a backend of Gizzard: servers by name, and shards whose keys begin with the cluster's name. */
export function redisBackend(configs: Readonly<Record<string, RedisHostConfig>>, cluster: string, log: Log) {
  const hosts = new Map(Object.entries(configs).map(([name, config]) => [name, new RedisHost(name, config, log)]));
  return {
    name: redisBackendName,
    names: [...hosts.keys()],
    host(name: string): RedisHost {
      const host = hosts.get(name);
      if (host === undefined)
        throw new RoostError('FailedPrecondition', `there is no Redis ${name}`, { fields: { host: name } });
      return host;
    },
    dropped: {
      async add(host: RedisHost, dropped: Dropped, deadline: Deadline): Promise<void> {
        await host.run(deadline, (redis) => redis.hset(listKey(cluster), dropped.name, JSON.stringify(dropped)));
      },
      async list(
        host: RedisHost,
        deadline: Deadline,
      ): Promise<{ readonly dropped: Dropped; readonly held: boolean }[]> {
        const all = await host.run(deadline, (redis) => redis.hvals(listKey(cluster)));
        const dropped = all.map((json) => JSON.parse(json) as Dropped);
        const held = await host.run(deadline, (redis) =>
          Promise.all(dropped.map(({ name, shard }) => redis.hexists(asideKey(cluster, shard.type), name))),
        );
        return dropped
          .map((one, i) => ({ dropped: one, held: held[i] === 1 }))
          .sort((a, b) => b.dropped.droppedAtMs - a.dropped.droppedAtMs);
      },
      async remove(host: RedisHost, name: string, deadline: Deadline): Promise<void> {
        await host.run(deadline, (redis) => redis.hdel(listKey(cluster), name));
      },
    },
    async close(): Promise<void> {
      for (const host of hosts.values()) host.close();
    },
  };
}

/** A shard with set-aside data. */
interface Dropped {
  readonly name: string;
  readonly shard: {
    readonly id: { readonly hostname: string; readonly tablePrefix: string };
    readonly type: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly busy: 'normal' | 'busy' | 'error' | 'cancelled';
  };
  readonly why: string;
  readonly droppedAtMs: number;
  readonly keepUntilMs: number;
}
