import type { Gizzard } from '../gizzard/index.js';
import { adminPage } from './console/adminPage.js';
import { requireAll, runningServers } from './console/managers.js';

/** What all running servers have counted of one cache, each since its start. */
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
  /** How often a server put a node out, by pool. */
  readonly ejections: Readonly<Record<string, number>>;
}

const askWithinMs = 5_000;

/** Adds up what the running servers print on /metrics. Throws `Unavailable` where one does not answer. */
export async function cacheCounts(gizzard: Gizzard): Promise<ServersCaches> {
  const totals = new Map<string, number>();
  const names = { cache: new Set<string>(), pool: new Set<string>() };
  const servers = (await runningServers(gizzard)).filter(({ admin }) => admin !== undefined);
  const failures: Parameters<typeof requireAll>[0][number][] = [];
  await Promise.all(
    servers.map(async (server) => {
      try {
        const metrics = await adminPage(server.admin!, '/metrics', askWithinMs);
        for (const [, what, kind, name, value] of metrics.matchAll(
          /^roost_cache_(\w+)_total\{(cache|pool)="([^"]+)"\} (\d+)/gm,
        )) {
          names[kind as 'cache' | 'pool'].add(name!);
          totals.set(`${what}:${name}`, (totals.get(`${what}:${name}`) ?? 0) + Number(value));
        }
      } catch (error) {
        failures.push({ server, error });
      }
    }),
  );
  requireAll(failures);
  const of = (what: string, name: string): number => totals.get(`${what}:${name}`) ?? 0;
  return {
    servers: servers.length,
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
