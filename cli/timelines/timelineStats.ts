import { setTimeout as sleep } from 'node:timers/promises';
import { kindNames, type KindName, type TimelineService } from '../../timeline/index.js';
import { serverMetrics } from '../console/serverMetrics.js';

/** The sums over all running servers, each since its start. Rates are those of the time between two looks. */
export interface TimelineStats {
  readonly servers: number;
  readonly kinds: readonly KindStats[];
  readonly deliveries: {
    /** Entries for one replica of a home timeline. */
    readonly pushed: number;
    readonly leftToReaders: number;
    readonly perSecond: number;
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
  readonly pagesPerSecond: number;
}

const pageSources = ['kept', 'rebuilt', 'partial', 'behind'] as const;
type PageSource = (typeof pageSources)[number];

/** What is kept, and the counts of the running servers, from two looks this many seconds apart. */
export async function timelineStats(service: TimelineService, seconds: number): Promise<TimelineStats> {
  const { gizzard } = service;
  const before = new MetricSums(await serverMetrics(gizzard));
  const [sizes] = await Promise.all([
    Promise.all(kindNames.map(async (kind) => ({ kind, ...(await service.sizeOf(kind)) }))),
    sleep(seconds * 1_000),
  ]);
  const pages = await serverMetrics(gizzard);
  const now = new MetricSums(pages);
  const perSecond = (count: (of: MetricSums) => number): number => (count(now) - count(before)) / seconds;
  const decided = (of: MetricSums, decision: string) => of.get('roost_timeline_deliveries_total', { decision });
  const deliveries = (of: MetricSums): number => decided(of, 'push') + decided(of, 'pull');
  const { queued, failing } = await gizzard.jobs.status();
  const within = now.quantiles('roost_timeline_delivery_seconds', [0.5, 0.99]);
  const costOf = (decision: string) => now.get('roost_timeline_cost_seconds', { decision }) / Math.max(1, pages.length);
  const ratioOf = (decision: string) => {
    const of = (kind: string) => now.get('roost_timeline_cost_seconds_total', { decision, kind });
    return of('predicted') === 0 ? undefined : of('real') / of('predicted');
  };
  const [pushRatio, pullRatio] = [ratioOf('push'), ratioOf('pull')];
  return {
    servers: pages.length,
    kinds: sizes.map(({ kind, ...size }) => {
      const read = (of: MetricSums, from: PageSource) => of.get('roost_timeline_pages', { kind, from });
      return {
        kind,
        ...size,
        pages: Object.fromEntries(pageSources.map((from) => [from, read(now, from)])) as Record<PageSource, number>,
        pagesPerSecond: perSecond((of) => pageSources.reduce((sum, from) => sum + read(of, from), 0)),
      };
    }),
    deliveries: {
      pushed: decided(now, 'push'),
      leftToReaders: decided(now, 'pull'),
      perSecond: perSecond(deliveries),
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

/** The sums of what several servers print on /metrics. */
export class MetricSums {
  readonly #sums = new Map<string, number>();

  constructor(pages: readonly string[]) {
    for (const page of pages)
      for (const [, name, labels = '', value] of page.matchAll(/^(\w+)(?:\{([^}]*)\})? (\S+)$/gm)) {
        const key = keyOf(name!, labels.split(','));
        this.#sums.set(key, (this.#sums.get(key) ?? 0) + Number(value));
      }
  }

  /** 0 if no server prints the metric. */
  get(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return (
      this.#sums.get(
        keyOf(
          name,
          Object.entries(labels).map(([label, value]) => `${label}="${value}"`),
        ),
      ) ?? 0
    );
  }

  /** The upper bounds of the histogram buckets that hold the quantiles; undefined if the histogram is empty. */
  quantiles(name: string, wanted: readonly number[]): number[] | undefined {
    const count = this.get(`${name}_count`);
    if (count === 0) return undefined;
    const buckets = Array.from(this.#sums.keys())
      .flatMap((key) => {
        const [, end] = new RegExp(`^${name}_bucket le="([^"]+)"$`).exec(key) ?? [];
        return end === undefined ? [] : [{ end: end === '+Inf' ? Infinity : Number(end), below: this.#sums.get(key)! }];
      })
      .sort((a, b) => a.end - b.end);
    return wanted.map((quantile) => buckets.find(({ below }) => below >= quantile * count)?.end ?? Infinity);
  }
}

const keyOf = (name: string, labels: readonly string[]): string => [name, ...[...labels].sort()].join(' ').trim();
