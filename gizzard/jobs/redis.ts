import { Redis } from 'ioredis';
import type { Log, RedisConfig } from '../../core/index.js';

/** A Redis that answers nothing for so long hangs: the connection is given up and made anew. */
const silenceMs = 5_000;
/** Waits between attempts to reach a Redis that is away. */
const reconnectMs = (attempt: number): number => Math.min(attempt * 50, 1_000);

/**
 * A connection to the Redis of the journal. Calls that find it away wait for a few attempts to reconnect and then fail;
 * each caller bounds its wait with its own deadline.
 */
export function connectRedis(config: RedisConfig, log: Log, options: { readonly blocking?: boolean } = {}): Redis {
  const redis = new Redis({
    host: config.host,
    port: config.port,
    ...(config.password === undefined ? {} : { password: config.password }),
    protocol: 2,
    lazyConnect: true,
    socketTimeout: silenceMs,
    maxRetriesPerRequest: options.blocking === true ? null : 3,
    enableAutoPipelining: options.blocking !== true,
    retryStrategy: reconnectMs,
    noDelay: true,
  });
  let lastReason = '';
  redis.on('error', (error: Error) => {
    if (error.message === lastReason) return;
    lastReason = error.message;
    log.warn({ err: error }, 'the journal\'s Redis does not answer');
  });
  redis.on('ready', () => {
    lastReason = '';
  });
  return redis;
}

/** The answer of `TIME` in microseconds. */
export const microsOf = ([seconds, micros]: readonly (number | string)[]): number => Number(seconds) * 1_000_000 + Number(micros);
