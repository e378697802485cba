import type { Counter } from 'prom-client';
import type { Metrics } from '../core/index.js';

type Labelled = Counter<'cache'>;

/** What the caches of a process count. */
export class CacheMetrics {
  readonly hits: Labelled;
  readonly misses: Labelled;
  /** Answers that were old enough to be read again, and were given while one reader did that. */
  readonly stale: Labelled;
  /** Reads that waited for another reader's answer. */
  readonly leaseWaits: Labelled;
  /** Reads that went past the cache, because its node did not answer or must not be believed. */
  readonly bypassed: Labelled;
  readonly bytesRead: Labelled;
  readonly bytesWritten: Labelled;
  /** Values that were larger than the pool allows. */
  readonly tooLarge: Labelled;
  /** Entries that could not be read as what they should be. */
  readonly garbage: Labelled;
  readonly firstLevelHits: Labelled;
  readonly ejections: Counter<'pool'>;

  constructor(metrics: Metrics) {
    const counter = (name: string, help: string): Labelled => metrics.counter(`roost_cache_${name}`, help, ['cache']);
    this.hits = counter('hits_total', 'Entries found');
    this.misses = counter('misses_total', 'Entries not found');
    this.stale = counter('stale_total', 'Old answers given while one reader renewed them');
    this.leaseWaits = counter('lease_waits_total', 'Reads that waited for the reader that holds the lease');
    this.bypassed = counter('bypassed_total', 'Reads past a node that did not answer');
    this.bytesRead = counter('read_bytes_total', 'Bytes of entries found');
    this.bytesWritten = counter('written_bytes_total', 'Bytes of entries written');
    this.tooLarge = counter('too_large_total', 'Values refused for their size');
    this.garbage = counter('garbage_total', 'Entries that were not what they should be');
    this.firstLevelHits = counter('first_level_hits_total', 'Entries found in the process');
    this.ejections = metrics.counter('roost_cache_ejections_total', 'Nodes put out by this process', ['pool']);
  }
}
