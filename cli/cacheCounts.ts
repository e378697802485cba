import type { Gizzard } from '../gizzard/index.js';
import { serverMetrics } from './console/serverMetrics.js';

/** The counts of one cache over all running servers, each since its start. */
export interface CacheTotals {
  readonly cache: string;
  readonly hits: number;
  readonly misses: number;
  readonly stale: number;
  readonly leaseWaits: number;
  readonly bypassed: number;
  readonly tooLarge: number;
  readonly garbage: number;
  readonly firstLevelHits: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export interface ServersCaches {
  readonly servers: number;
  readonly caches: readonly CacheTotals[];
  /** How often a server ejected a node, by pool. */
  readonly ejections: Readonly<Record<string, number>>;
}

/** Adds up what the running servers print on /metrics. Throws `Unavailable` if a server does not answer. */
export async function cacheCounts(gizzard: Gizzard): Promise<ServersCaches> {
  const totals = new Map<string, number>();
  const names = { cache: new Set<string>(), pool: new Set<string>() };
  const pages = await serverMetrics(gizzard);
  for (const page of pages)
    for (const [, what, kind, name, value] of page.matchAll(
      /^roost_cache_(\w+)_total\{(cache|pool)="([^"]+)"\} (\d+)/gm,
    )) {
      names[kind as 'cache' | 'pool'].add(name!);
      totals.set(`${what}:${name}`, (totals.get(`${what}:${name}`) ?? 0) + Number(value));
    }
  const of = (what: string, name: string): number => totals.get(`${what}:${name}`) ?? 0;
  return {
    servers: pages.length,
    caches: [...names.cache].sort().map((cache) => ({
      cache,
      hits: of('hits', cache),
      misses: of('misses', cache),
      stale: of('stale', cache),
      leaseWaits: of('lease_waits', cache),
      bypassed: of('bypassed', cache),
      tooLarge: of('too_large', cache),
      garbage: of('garbage', cache),
      firstLevelHits: of('first_level_hits', cache),
      bytesRead: of('read_bytes', cache),
      bytesWritten: of('written_bytes', cache),
    })),
    ejections: Object.fromEntries([...names.pool].sort().map((pool) => [pool, of('ejections', pool)])),
  };
}
