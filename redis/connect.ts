import { Redis, type RedisOptions } from 'ioredis';
import { RoostError, tlsTrouble } from '../core/index.js';
import { mayConnect, passwordOf, tlsOf, type Log, type RedisConfig } from '../process/index.js';

/** A Redis silent for this long hangs: the connection is replaced. */
const silenceMs = 5_000;
/** A Sentinel silent for this long is skipped. */
const sentinelMs = 1_000;
/** Pauses between attempts to reach Redis. */
const reconnectMs = (attempt: number): number => Math.min(attempt * 50, 1_000);

export interface RedisConnectOptions {
  /** Its reads wait for entries, also while Redis is down. */
  readonly blocking?: boolean;
  /** How often a command is sent again on a new connection before it fails. */
  readonly retries?: number;
  /** Time limit of a command. Absent: each caller has a deadline of its own. */
  readonly commandTimeoutMs?: number;
  /** Its owner, for people. Absent: the journal's. */
  readonly what?: string;
}

/** The driver hangs the command that failed on its error: of a log-in that would be the password. */
class DiscreetRedis extends Redis {
  override auth(...login: unknown[]): Promise<'OK'> {
    const logIn = super.auth.bind(this) as (...args: unknown[]) => Promise<'OK'>;
    return logIn(...login).catch((error: { command?: unknown }) => {
      delete error.command;
      throw error;
    });
  }
}

/** Members that ioredis's types omit. */
interface Flushable {
  /** Fails the waiting commands. */
  flushQueue(error: Error): void;
}

/**
 * A connection to a Redis. Calls during an outage wait for a few attempts to reconnect, and then fail; each caller
 * bounds its wait by its own deadline.
 */
export function connectRedis(config: RedisConfig, log: Log, options: RedisConnectOptions = {}): Redis {
  const retries = options.blocking === true ? null : (options.retries ?? 3);
  /** Why no encrypted connection could be established, if that is the reason. */
  let encryption: string | undefined;
  const redis = new DiscreetRedis({
    ...redisAddress(config),
    ...withSecrets(config),
    protocol: 2,
    lazyConnect: true,
    socketTimeout: silenceMs,
    ...(options.commandTimeoutMs === undefined ? {} : { commandTimeout: options.commandTimeoutMs }),
    maxRetriesPerRequest: retries,
    // The server became a replica. The primary may be at its address by now; the command fails, and its caller knows
    // what that means.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    enableAutoPipelining: options.blocking !== true,
    retryStrategy(attempt) {
      // Commands would fail with their number of attempts; the reason says what to do.
      if (encryption !== undefined && retries !== null && attempt % (retries + 1) === 0)
        (redis as unknown as Flushable).flushQueue(new Error(encryption));
      return reconnectMs(attempt);
    },
    noDelay: true,
  });
  let lastReason = '';
  redis.on('error', (error: Error) => {
    encryption = tlsTrouble(error);
    if (error.message === lastReason) return;
    lastReason = error.message;
    log.warn({ err: error }, `${options.what ?? "the journal's Redis"} does not answer`);
  });
  // A new connection logs in with the newest password and certificate.
  redis.on('close', () => Object.assign(redis.options, withSecrets(config, log)));
  redis.on('ready', () => {
    lastReason = '';
    encryption = undefined;
  });
  return redis;
}

/** The address of a Redis, or of the Sentinels that know it, and the login. */
function redisAddress(
  config: RedisConfig,
): Pick<RedisOptions, 'host' | 'port' | 'username' | 'sentinels' | 'name' | 'natMap'> {
  const { host, port, username, sentinels, sentinelName } = config;
  return {
    ...(sentinels === undefined || sentinelName === undefined
      ? { host, port }
      : {
          sentinels: sentinels.map(sentinelAddress),
          name: sentinelName,
          natMap: (address) => refuseInTheClear(config, address),
          // ioredis's failover detector ends a connection for good if it strikes during a connect. A primary that
          // hangs is replaced like any silent Redis.
          failoverDetector: false,
          sentinelRetryStrategy: reconnectMs,
          sentinelCommandTimeout: sentinelMs,
          connectTimeout: silenceMs,
          enableTLSForSentinelMode: true,
        }),
    ...(username === undefined ? {} : { username }),
  };
}

/** The address of a Sentinel in the configuration, as `host:port`. */
export function sentinelAddress(text: string): { readonly host: string; readonly port: number } {
  const [host, port] = text.split(':');
  return { host: host!, port: Number(port) };
}

/**
 * Sentinels name the primary and other Sentinels: a password must not go there unencrypted unless the configuration
 * allows it.
 */
function refuseInTheClear(config: RedisConfig, address: string): null {
  const host = address.replace(/:\d+$/, '');
  if (mayConnect[0]({ ...config, host })) return null;
  throw new RoostError(
    'FailedPrecondition',
    `${address}, which a Sentinel of \`redis.sentinels\` names, ${mayConnect[1]}`,
    {
      fields: { address },
    },
  );
}

/** While a file cannot be read, the previous content is used: a secret is replaced in several steps. */
export function withSecrets(config: RedisConfig, log?: Log): Pick<RedisOptions, 'password' | 'tls' | 'sentinelTLS'> {
  try {
    const password = passwordOf(config);
    const tls = config.tls === undefined ? undefined : tlsOf(config.tls);
    return {
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { tls, sentinelTLS: tls }),
    };
  } catch (error) {
    if (log === undefined) throw error;
    log.warn({ err: error }, 'a password or certificate file cannot be read; the last one stays in use');
    return {};
  }
}

/** The answer to `TIME` in microseconds. */
export const microsOf = ([seconds, micros]: readonly (number | string)[]): number =>
  Number(seconds) * 1_000_000 + Number(micros);

/** What is wrong with a Redis, to follow `the journal's Redis …`. */
export function redisTrouble(message: string): string {
  if (message.startsWith('READONLY'))
    return 'is a replica and takes no writes; once its address leads to the primary, writes go on by themselves';
  if (/\bNOREPLICAS\b/.test(message))
    return 'has fewer replicas than its `min-replicas-to-write` and takes no writes; once they are connected, writes go on by themselves';
  if (/^(WRONGPASS|NOAUTH)/.test(message)) return `refuses the password of \`redis.password\`: ${message}`;
  return `did not answer: ${/max retries per request/.test(message) ? 'the connection was lost' : message}`;
}
