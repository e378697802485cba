import type { Redis } from 'ioredis';
import { Metrics, silentLog, tlsOf, type CacheConfig, type Log, type RoostConfig } from '../process/index.js';
import { connectRedis } from '../redis/index.js';
import { CacheMetrics } from './cacheMetrics.js';
import type { FirstLevelOptions } from './entries/firstLevel.js';
import { CachePool } from './ring/cachePool.js';

/**
 * The cache nodes of a cluster, as one process uses them. A pool without nodes is undefined; caches built on it call
 * their loader every time.
 */
export class Caches {
  constructor(
    readonly config: CacheConfig,
    /** For vectors, rows and fragments. */
    readonly main: CachePool | undefined,
    /** For pages, and nothing else. */
    readonly pages: CachePool | undefined,
    private readonly redis: Redis | undefined,
  ) {}

  /** No nodes: nothing is cached. */
  static none({ cache }: Pick<RoostConfig, 'cache'>): Caches {
    return new Caches(cache, undefined, undefined, undefined);
  }

  /** The configured first level; none by default. */
  get firstLevel(): { readonly firstLevel?: FirstLevelOptions } {
    const { processEntries, processSeconds } = this.config;
    return processEntries === 0 ? {} : { firstLevel: { entries: processEntries, seconds: processSeconds } };
  }

  async close(): Promise<void> {
    this.main?.close();
    this.pages?.close();
    this.redis?.disconnect();
  }
}

/** Redis holds only the register; a call that takes longer has failed. */
const registerTimeoutMs = 1_000;

/** How long a tool waits for a node: reporting a slow node is worth more than a quick answer. */
const onlookerDeadlineMs = 1_000;

/**
 * Opens the caches of a cluster; as an `onlooker`, only to look at them. Throws `Unavailable` if there are cache
 * nodes and their register in Redis cannot be reached.
 */
export async function openCaches(
  config: RoostConfig,
  options: { readonly log?: Log; readonly metrics?: Metrics; readonly onlooker?: boolean } = {},
): Promise<Caches> {
  const { cache, cluster } = config;
  if (config.memcached.length === 0 && cache.pages.length === 0) return Caches.none(config);
  const log = options.log ?? silentLog;
  const metrics = CacheMetrics.in(options.metrics ?? new Metrics());
  const redis = connectRedis(config.redis, log, {
    retries: 1,
    commandTimeoutMs: registerTimeoutMs,
    what: 'the Redis of the cache register',
  });
  const { tls, gutterTtlSeconds, maxValueBytes, warmSeconds } = cache;
  const { onlooker = false } = options;
  const deadlineMs = onlooker ? Math.max(cache.deadlineMs, onlookerDeadlineMs) : cache.deadlineMs;
  const pool = (name: string, nodes: readonly string[], gutter: readonly string[]): CachePool | undefined =>
    nodes.length === 0
      ? undefined
      : new CachePool(
          {
            name,
            cluster,
            nodes: new Map(nodes.map(nodeAndWeight)),
            gutter: gutter.map((each) => nodeAndWeight(each)[0]),
            deadlineMs,
            gutterTtlSeconds,
            maxValueBytes,
            warmSeconds,
            onlooker,
            ...(tls && { tls: () => tlsOf(tls) }),
          },
          redis,
          metrics,
          log,
        );
  const caches = new Caches(cache, pool('main', config.memcached, cache.gutter), pool('pages', cache.pages, []), redis);
  try {
    await caches.main?.start();
    await caches.pages?.start();
  } catch (error) {
    await caches.close();
    throw error;
  }
  return caches;
}

function nodeAndWeight(text: string): [name: string, weight: number] {
  const [host, port, weight = '1'] = text.split(':');
  return [`${host}:${port}`, Number(weight)];
}
