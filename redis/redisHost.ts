import type { Redis } from 'ioredis';
import { Deadline, Health, RoostError } from '../core/index.js';
import type { Log, RedisConfig } from '../process/index.js';
import { connectRedis, microsOf } from './connect.js';

/** A server's address and login. */
export type RedisHostConfig = RedisConfig;

/** Time limit for a sign of life. */
const answerMs = 1_000;
/**
 * Calls that may wait for one host; further ones are refused, because a host that hangs would collect them without
 * end.
 */
const maxInFlight = 4_096;

/** One Redis server that holds shards. */
export class RedisHost {
  readonly health = new Health();
  #connection: Redis | undefined;
  #inFlight = 0;
  #closed = false;

  constructor(
    readonly name: string,
    private readonly config: RedisHostConfig,
    private readonly log: Log,
  ) {}

  /**
   * Runs commands, and waits for them until the deadline; commands that were sent may still be executed after it.
   * Throws `Overloaded` if too many calls wait, `Unavailable` if the server does not answer or accepts no writes;
   * errors of commands and scripts pass unchanged.
   */
  async run<T>(deadline: Deadline, work: (redis: Redis) => Promise<T>): Promise<T> {
    deadline.check(`a call to ${this.name}`);
    if (this.#closed) throw new RoostError('Unavailable', `Redis ${this.name} is closed`, { retryable: false });
    if (this.#inFlight >= maxInFlight)
      throw new RoostError('Overloaded', `${this.#inFlight} calls wait for Redis ${this.name}`, {
        fields: this.#fields,
      });
    this.#inFlight++;
    this.health.asked();
    try {
      const answer = await deadline.race(work(this.#redis), `a call to Redis ${this.name}`);
      this.health.succeeded();
      return answer;
    } catch (error) {
      throw this.#judge(error);
    } finally {
      this.#inFlight--;
    }
  }

  /** Never throws. */
  async answers(): Promise<boolean> {
    try {
      await this.run(Deadline.after(answerMs), (redis) => redis.ping());
      return true;
    } catch {
      return false;
    }
  }

  async clockMs(deadline: Deadline): Promise<number> {
    return microsOf(await this.run(deadline, (redis) => redis.time())) / 1_000;
  }

  async load(deadline: Deadline): Promise<{ readonly requests: number; readonly running: number }> {
    const info = await this.#info('stats', deadline);
    return { requests: Number(info.get('total_commands_processed') ?? 0), running: 0 };
  }

  async lagSeconds(deadline: Deadline): Promise<number | undefined> {
    const info = await this.#info('replication', deadline);
    const seconds = info.get('master_last_io_seconds_ago');
    return seconds === undefined ? undefined : Number(seconds);
  }

  async room(deadline: Deadline) {
    const info = await this.#info('memory', deadline);
    const usedBytes = Number(info.get('used_memory') ?? 0);
    const maxBytes = Number(info.get('maxmemory') ?? 0);
    if (maxBytes === 0)
      return { usedBytes, freeBytes: undefined, text: `set maxmemory on ${this.name}, so that its room is known` };
    const freeBytes = Math.max(0, maxBytes - usedBytes);
    return { usedBytes, freeBytes, text: `${freeBytes} bytes are free below maxmemory` };
  }

  /** Ends the connection. Running commands fail. */
  close(): void {
    this.#closed = true;
    this.#connection?.disconnect();
  }

  get #redis(): Redis {
    this.#connection ??= connectRedis(this.config, this.log, { retries: 1, what: `Redis ${this.name}` });
    return this.#connection;
  }

  get #fields(): { readonly host: string } {
    return { host: this.name };
  }

  async #info(section: string, deadline: Deadline): Promise<ReadonlyMap<string, string>> {
    const text = await this.run(deadline, (redis) => redis.info(section));
    return new Map(Array.from(text.matchAll(/^(\w+):(.*?)\r?$/gm), ([, name, value]) => [name!, value!]));
  }

  #judge(error: unknown): unknown {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof RoostError) {
      if (error.code === 'DeadlineExceeded') this.health.failed(message);
      return error;
    }
    // An answer, though an unwelcome one.
    if (error instanceof Error && error.name === 'ReplyError' && !refusal.test(message)) {
      this.health.succeeded();
      return error;
    }
    this.health.failed(message);
    return new RoostError(
      'Unavailable',
      `Redis ${this.name} ${refusal.test(message) ? 'refuses' : 'does not answer'}: ${message}`,
      {
        fields: this.#fields,
        cause: error,
      },
    );
  }
}

/** Answers that concern the server rather than the command. */
const refusal = /^(READONLY|LOADING|MASTERDOWN|OOM|MISCONF|NOAUTH|WRONGPASS|NOREPLICAS|BUSY|CLUSTERDOWN)/;
