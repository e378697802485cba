import { setTimeout as sleep } from 'node:timers/promises';
import { kindNames, type KindName, type TimelineService } from '../../timeline/index.js';
import { serverMetrics } from '../console/serverMetrics.js';

/** Of all running servers, counted since each was started. Rates are those of the time between two looks. */
export interface TimelineStats {
  readonly servers: number;
  readonly kinds: readonly KindStats[];
  readonly deliveries: {
    /** Entries for one replica of a home timeline. */
    readonly pushed: number;
    readonly leftToReaders: number;
    readonly perSecond: number;
    /** The share of them that were there within so many seconds of the tweet, from the histogram's buckets. Absent where there were none. */
    readonly withinSeconds?: { readonly p50: number; readonly p99: number };
  };
  readonly costs: {
    readonly pushSeconds: number;
    readonly pullSeconds: number;
    /** Real over predicted cost. Absent where nothing was measured. */
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
  /** Pages that were read from the kept entries alone, and those of timelines that were missing, not complete in time, and went on behind the kept entries. */
  readonly pages: Readonly<Record<PageSource, number>>;
  readonly pagesPerSecond: number;
}

const pageSources = ['kept', 'rebuilt', 'partial', 'behind'] as const;
type PageSource = (typeof pageSources)[number];

/** What is kept, and what the running servers count: two looks, so many seconds apart. */
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

/** What several servers print on /metrics, added up. */
export class MetricSums {
  readonly #sums = new Map<string, number>();

  constructor(pages: readonly string[]) {
    for (const page of pages)
      for (const [, name, labels = '', value] of page.matchAll(/^(\w+)(?:\{([^}]*)\})? (\S+)$/gm)) {
        const key = keyOf(name!, labels.split(','));
        this.#sums.set(key, (this.#sums.get(key) ?? 0) + Number(value));
      }
  }

  /** 0 for what no server prints. */
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

  /** The upper ends of the buckets of a histogram that hold its quantiles; undefined where it is empty. */
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
