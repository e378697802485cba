import type { Redis } from 'ioredis';
import { Deadline, Health, isRoostError, RoostError } from '../../core/index.js';
import type { Backend, DroppedShard, Host } from '../../gizzard/index.js';
import { silentLog, type RedisConfig } from '../../process/index.js';
import { connectRedis, microsOf } from '../../redis/index.js';

const signOfLifeMs = 1_000;
/** Replies about the server rather than the command. */
const ofTheHost = /^(LOADING|OOM|READONLY|MISCONF|BUSY|NOAUTH|WRONGPASS|NOSHARD)/;

/** A Redis server that holds shards. */
export class RedisHost implements Host {
  readonly health = new Health();
  readonly #redis: Redis;

  constructor(
    readonly name: string,
    config: RedisConfig,
  ) {
    this.#redis = connectRedis(config, silentLog, { retries: 0 });
  }

  /**
   * Runs commands within a deadline. Throws `Unavailable` if the server is at fault, `DeadlineExceeded`, and
   * `Internal` if the command is at fault.
   */
  async run<T>(deadline: Deadline, work: (redis: Redis) => Promise<T>): Promise<T> {
    this.health.asked();
    try {
      const answer = await deadline.race(work(this.#redis), `asking ${this.name}`);
      this.health.succeeded();
      return answer;
    } catch (error) {
      throw this.#judged(error);
    }
  }

  async answers(): Promise<boolean> {
    return this.run(Deadline.after(signOfLifeMs), (redis) => redis.ping()).then(
      () => true,
      () => false,
    );
  }

  async clockMs(deadline: Deadline): Promise<number> {
    return Math.floor(microsOf(await this.run(deadline, (redis) => redis.time())) / 1_000);
  }

  async load(deadline: Deadline): Promise<{ readonly requests: number; readonly running: number }> {
    const stats = await this.run(deadline, (redis) => redis.info('stats'));
    return { requests: Number(/total_commands_processed:(\d+)/.exec(stats)?.[1] ?? 0), running: 0 };
  }

  close(): void {
    this.#redis.disconnect();
  }

  #judged(error: unknown): RoostError {
    if (isRoostError(error)) {
      if (error.code === 'DeadlineExceeded') this.health.failed(error.message);
      return error;
    }
    const { name, message } = error as Error;
    const fields = { host: this.name };
    if (name === 'ReplyError') {
      this.health.succeeded();
      const code = ofTheHost.test(message) ? 'Unavailable' : 'Internal';
      return new RoostError(code, `${this.name}: ${message}`, { cause: error, fields });
    }
    const reason = `${this.name} cannot be reached: ${message}`;
    this.health.failed(reason);
    return new RoostError('Unavailable', reason, { cause: error, fields });
  }
}

/** Redis servers as a backend. */
export class RedisHosts implements Backend<RedisHost> {
  readonly name = 'redis';
  readonly names: readonly string[];
  readonly #hosts = new Map<string, RedisHost>();
  readonly #list: string;

  constructor(
    cluster: string,
    private readonly config: Readonly<Record<string, RedisConfig>>,
  ) {
    this.names = Object.keys(config).sort();
    this.#list = `${cluster}:dropped`;
  }

  host(name: string): RedisHost {
    let host = this.#hosts.get(name);
    if (host === undefined) this.#hosts.set(name, (host = new RedisHost(name, this.config[name]!)));
    return host;
  }

  readonly dropped = {
    add: async (host: RedisHost, dropped: DroppedShard, deadline: Deadline): Promise<void> =>
      void (await host.run(deadline, (redis) => redis.hset(this.#list, dropped.name, JSON.stringify(dropped)))),
    list: async (host: RedisHost, deadline: Deadline) => {
      const lines = await host.run(deadline, (redis) => redis.hvals(this.#list));
      const all = lines.map((line) => JSON.parse(line) as DroppedShard);
      all.sort((a, b) => b.droppedAtMs - a.droppedAtMs);
      return all.map((dropped) => ({ dropped, held: true }));
    },
    remove: async (host: RedisHost, name: string, deadline: Deadline): Promise<void> =>
      void (await host.run(deadline, (redis) => redis.hdel(this.#list, name))),
  };

  async close(): Promise<void> {
    for (const host of this.#hosts.values()) host.close();
  }
}
