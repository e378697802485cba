import { Redis } from 'ioredis';
import type { Log, RedisConfig } from '../process/index.js';
import { sentinelAddress, withSecrets } from './connect.js';

/** A Sentinel silent for this long has said nothing. */
const answerMs = 500;

/** The fields of an answer to `SENTINEL MASTER`. */
type Answer = ReadonlyMap<string, string>;

/** The Sentinels of a Redis, asked for what they are about to do. Connects when it is asked. */
export class Sentinels {
  readonly #sentinels: readonly Sentinel[];
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<readonly Answer[]> | undefined;

  constructor(config: RedisConfig, log: Log) {
    this.#sentinels = (config.sentinels ?? []).map((address) => new Sentinel(config, address, log));
  }

  /**
   * Whether a majority answers, and all that answer take this run of Redis for the primary and promote no other
   * server. Callers that come while a question runs share the next, which begins after their call.
   */
  async keep(runId: string): Promise<boolean> {
    const answers = await (this.#next ??= this.#askNext());
    return (
      answers.length * 2 > this.#sentinels.length &&
      answers.every(
        (answer) => answer.get('runid') === runId && !answer.get('flags')?.split(',').includes('failover_in_progress'),
      )
    );
  }

  close(): void {
    for (const sentinel of this.#sentinels) sentinel.close();
  }

  async #askNext(): Promise<readonly Answer[]> {
    await this.#running;
    this.#next = undefined;
    const asked = Promise.all(this.#sentinels.map((sentinel) => sentinel.ask()));
    this.#running = asked;
    return (await asked).filter((answer) => answer !== undefined);
  }
}

/** One that did not answer the last time is asked, and not waited for, until it answers. */
class Sentinel {
  readonly #name: string;
  readonly #connection: Redis;
  #isAsked = false;
  #isSilent = false;

  constructor(config: RedisConfig, address: string, log: Log) {
    this.#name = config.sentinelName ?? '';
    const encryption = (from?: Log) => {
      const { sentinelTLS: tls } = withSecrets(config, from);
      return tls === undefined ? {} : { tls };
    };
    const connection = new Redis({
      ...sentinelAddress(address),
      ...encryption(),
      protocol: 2,
      lazyConnect: true,
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
      connectTimeout: answerMs,
      commandTimeout: answerMs,
      socketTimeout: answerMs,
    });
    // Its silence says so.
    connection.on('error', () => undefined);
    connection.on('close', () => Object.assign(connection.options, encryption(log)));
    this.#connection = connection;
  }

  /** Its answer; undefined if it does not answer in time. Never throws. */
  async ask(): Promise<Answer | undefined> {
    if (this.#isAsked) return undefined;
    const answer = this.#answer();
    return this.#isSilent ? undefined : answer;
  }

  close(): void {
    this.#connection.disconnect();
  }

  async #answer(): Promise<Answer | undefined> {
    this.#isAsked = true;
    try {
      const fields = (await this.#connection.call('SENTINEL', 'MASTER', this.#name)) as readonly string[];
      this.#isSilent = false;
      return new Map(fields.flatMap((key, i) => (i % 2 === 0 ? [[key, fields[i + 1] ?? ''] as const] : [])));
    } catch {
      this.#isSilent = true;
      return undefined;
    } finally {
      this.#isAsked = false;
    }
  }
}
