import type { ServerCounts } from '../cluster/index.js';
import { kindNames, type KindName } from './pages/rebuildJob.js';
import type { TimelineService } from './timelineService.js';

/** The sums over all running servers, each since its start. Rates are those of the time between two looks. */
export interface TimelineStats {
  readonly servers: number;
  readonly kinds: readonly KindStats[];
  readonly deliveries: {
    /** Entries for one replica of a home timeline. */
    readonly pushed: number;
    readonly leftToReaders: number;
    readonly perSecond: number | null;
    /**
     * The seconds after the tweet within which this share of the entries was delivered, from the histogram's buckets.
     * Absent if there were no entries.
     */
    readonly withinSeconds?: { readonly p50: number; readonly p99: number };
  };
  readonly costs: {
    readonly pushSeconds: number;
    readonly pullSeconds: number;
    /** Real over predicted cost. Absent if nothing was measured. */
    readonly pushRatio?: number;
    readonly pullRatio?: number;
  };
  readonly jobs: { readonly queued: number; readonly failing: number };
}

export interface KindStats {
  readonly kind: KindName;
  readonly lists: number;
  /** Of one replica; an estimate. */
  readonly entries: number;
  /** Of all replicas; an estimate. */
  readonly bytes: number;
  /**
   * Pages by source: read from the kept entries alone; of a timeline that was missing; of a timeline that was not
   * complete in time; and continued behind the kept entries.
   */
  readonly pages: Readonly<Record<PageSource, number>>;
  /** Over the last seconds; null until it is known, here and below. */
  readonly pagesPerSecond: number | null;
}

export const pageSources = ['kept', 'rebuilt', 'partial', 'behind'] as const;
type PageSource = (typeof pageSources)[number];

/** What is kept, with what the running servers count. */
export async function timelineStats(service: TimelineService, counts: ServerCounts): Promise<TimelineStats> {
  const sizes = await Promise.all(kindNames.map(async (kind) => ({ kind, ...(await service.sizeOf(kind)) })));
  const decided = (decision: string) => counts.total('roost_timeline_deliveries_total', { decision });
  const { queued, failing } = await service.gizzard.jobs.status();
  const within = counts.quantiles('roost_timeline_delivery_seconds', [0.5, 0.99]);
  const costOf = (decision: string) =>
    counts.total('roost_timeline_cost_seconds', { decision }) / Math.max(1, counts.servers);
  const ratioOf = (decision: string) => {
    const of = (kind: string) => counts.total('roost_timeline_cost_seconds_total', { decision, kind });
    return of('predicted') === 0 ? undefined : of('real') / of('predicted');
  };
  const [pushRatio, pullRatio] = [ratioOf('push'), ratioOf('pull')];
  return {
    servers: counts.servers,
    kinds: sizes.map(({ kind, ...size }) => {
      const readFrom = (from: PageSource) => counts.total('roost_timeline_pages', { kind, from });
      return {
        kind,
        ...size,
        pages: Object.fromEntries(pageSources.map((from) => [from, readFrom(from)])) as Record<PageSource, number>,
        pagesPerSecond: sum(pageSources.map((from) => counts.perSecond('roost_timeline_pages', { kind, from }))),
      };
    }),
    deliveries: {
      pushed: decided('push'),
      leftToReaders: decided('pull'),
      perSecond: sum(
        ['push', 'pull'].map((decision) => counts.perSecond('roost_timeline_deliveries_total', { decision })),
      ),
      ...(within && { withinSeconds: { p50: within[0]!, p99: within[1]! } }),
    },
    costs: {
      pushSeconds: costOf('push'),
      pullSeconds: costOf('pull'),
      ...(pushRatio !== undefined && { pushRatio }),
      ...(pullRatio !== undefined && { pullRatio }),
    },
    jobs: { queued: queued.high + queued.medium + queued.low, failing },
  };
}

/** Of samples that no server has nothing is known; null if that holds for all. */
function sum(rates: readonly (number | null)[]): number | null {
  const known = rates.filter((each) => each !== null);
  return known.length === 0 ? null : known.reduce((total, each) => total + each, 0);
}
