import type { StorePage } from '../cluster/index.js';
import type { TimelineService } from './timelineService.js';
import { pageSources, timelineStats } from './timelineStats.js';

/** What is kept in timelines, how it is read, and how deliveries go. */
export const timelinesPage: StorePage<TimelineService> = {
  path: '/timelines',
  title: 'Timelines',
  metrics: [
    'roost_timeline_pages',
    'roost_timeline_deliveries_total',
    'roost_timeline_delivery_seconds',
    'roost_timeline_cost_seconds',
    'roost_timeline_cost_seconds_total',
  ],
  async view(service, counts) {
    const { kinds, deliveries, costs, jobs } = await timelineStats(service, counts);
    return [
      {
        title: 'Timelines',
        note: `counted by ${counts.servers} running servers since they started; lists and sizes are estimates`,
        columns: [
          { title: 'timelines' },
          { title: 'lists', form: 'count' },
          { title: 'entries', form: 'count' },
          { title: 'size', form: 'bytes' },
          { title: 'pages read', form: 'count' },
          ...pageSources.map((title) => ({ title, form: 'percent' as const })),
          { title: 'pages/s', form: 'rate' },
        ],
        rows: kinds.map(({ kind, lists, entries, bytes, pages, pagesPerSecond }) => {
          const read = pageSources.reduce((sum, source) => sum + pages[source], 0);
          return [
            kind,
            lists,
            entries,
            bytes,
            read,
            ...pageSources.map((source) => (read === 0 ? null : (pages[source] * 100) / read)),
            pagesPerSecond,
          ];
        }),
        empty: 'There is none.',
      },
      {
        title: 'Deliveries',
        columns: [
          { title: 'entries' },
          { title: 'since their start', form: 'count' },
          { title: 'a second', form: 'rate' },
          { title: 'half within', form: 'seconds' },
          { title: '99 of 100 within', form: 'seconds' },
        ],
        rows: [
          [
            'pushed',
            deliveries.pushed,
            deliveries.perSecond,
            deliveries.withinSeconds?.p50 ?? null,
            deliveries.withinSeconds?.p99 ?? null,
          ],
          ['left to readers', deliveries.leftToReaders, null, null, null],
        ],
        empty: '',
      },
      {
        title: 'Costs',
        note: `${jobs.queued} jobs waiting, ${jobs.failing} failing`,
        columns: [
          { title: 'of one' },
          { title: 'microseconds', form: 'rate' },
          { title: 'real over predicted', form: 'percent' },
        ],
        rows: [
          ['push', costs.pushSeconds * 1e6, percentOf(costs.pushRatio)],
          ['pull', costs.pullSeconds * 1e6, percentOf(costs.pullRatio)],
        ],
        empty: '',
      },
    ];
  },
};

const percentOf = (ratio: number | undefined): number | null => (ratio === undefined ? null : ratio * 100);
