import { Redis } from 'ioredis';
import type { Log, RedisConfig } from '../process/index.js';
import { withSecrets } from './connect.js';

/** A Sentinel silent for this long has said nothing. */
const answerMs = 500;

/** The Sentinels of a Redis, asked for what they are about to do. Connects when it is asked. */
export class Sentinels {
  readonly #name: string;
  readonly #connections: readonly Redis[];

  constructor(config: RedisConfig, log: Log) {
    this.#name = config.sentinelName ?? '';
    const { sentinelTLS: tls } = withSecrets(config, log);
    this.#connections = (config.sentinels ?? []).map((sentinel) => {
      const [host, port] = sentinel.split(':');
      const connection = new Redis({
        host: host!,
        port: Number(port),
        ...(tls === undefined ? {} : { tls }),
        lazyConnect: true,
        enableReadyCheck: false,
        maxRetriesPerRequest: 0,
        commandTimeout: answerMs,
      });
      connection.on('error', () => undefined);
      connection.on('close', () => Object.assign(connection.options, { tls: withSecrets(config, log).sentinelTLS }));
      return connection;
    });
  }

  /**
   * Whether a majority answers, and all that answer take this run of Redis for the primary and promote no other
   * server.
   */
  async keep(runId: string): Promise<boolean> {
    const answers = await Promise.all(
      this.#connections.map((connection) =>
        connection.call('SENTINEL', 'MASTER', this.#name).then(
          (answer) => answer as string[],
          () => undefined,
        ),
      ),
    );
    const given = answers.filter((answer) => answer !== undefined);
    const value = (answer: readonly string[], key: string): string => answer[answer.indexOf(key) + 1] ?? '';
    return (
      given.length * 2 > this.#connections.length &&
      given.every(
        (answer) =>
          value(answer, 'runid') === runId && !value(answer, 'flags').split(',').includes('failover_in_progress'),
      )
    );
  }

  close(): void {
    for (const connection of this.#connections) connection.disconnect();
  }
}
