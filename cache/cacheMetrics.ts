import type { Counter } from 'prom-client';
import type { Metrics } from '../process/index.js';

const counted = {
  hits: ['hits', 'Entries found'],
  misses: ['misses', 'Entries not found'],
  stale: ['stale', 'Old answers given while one reader renewed them'],
  leaseWaits: ['lease_waits', 'Reads that waited for the reader that holds the lease'],
  bypassed: [
    'bypassed',
    'Reads past the cache: a node did not answer or must not be believed, or a value is too large for it',
  ],
  bytesRead: ['read_bytes', 'Bytes of entries found'],
  bytesWritten: ['written_bytes', 'Bytes of entries written'],
  tooLarge: ['too_large', 'Values refused for their size'],
  garbage: ['garbage', 'Entries that were not what they should be'],
  firstLevelHits: ['first_level_hits', 'Entries found in the process'],
} as const;

/** Counts of one cache in this process. Plain numbers: a read of a hundred entries counts a hundred times. */
export type CacheCounts = Record<keyof typeof counted, number>;

const byMetrics = new WeakMap<Metrics, CacheMetrics>();

/** Counters of all caches of a process. */
export class CacheMetrics {
  readonly ejections: Counter<'pool'>;
  readonly #caches = new Map<string, CacheCounts>();

  private constructor(metrics: Metrics) {
    for (const [key, [name, help]] of Object.entries(counted)) {
      metrics.counter(`roost_cache_${name}_total`, help, ['cache'], (counter) => {
        counter.reset();
        for (const [cache, counts] of this.#caches) counter.inc({ cache }, counts[key as keyof CacheCounts]);
      });
    }
    this.ejections = metrics.counter('roost_cache_ejections_total', 'Nodes put out by this process', ['pool']);
  }

  /** Returns the counters that all caches of the process share: a registry accepts each counter once. */
  static in(metrics: Metrics): CacheMetrics {
    const known = byMetrics.get(metrics) ?? new CacheMetrics(metrics);
    byMetrics.set(metrics, known);
    return known;
  }

  /** The counts of a cache, for the caller to increment. Exposed from now on, starting at 0. */
  of(cache: string): CacheCounts {
    let counts = this.#caches.get(cache);
    if (counts === undefined) {
      counts = {
        hits: 0,
        misses: 0,
        stale: 0,
        leaseWaits: 0,
        bypassed: 0,
        bytesRead: 0,
        bytesWritten: 0,
        tooLarge: 0,
        garbage: 0,
        firstLevelHits: 0,
      };
      this.#caches.set(cache, counts);
    }
    return counts;
  }
}
