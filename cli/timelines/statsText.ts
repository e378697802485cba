import { formatBytes, formatCount, formatMs, type Output } from '../console/output.js';
import type { TimelineStats } from '../../timeline/index.js';

/** The statistics as text for people. */
export function statsText({ servers, kinds, deliveries, costs, jobs }: TimelineStats, output: Output): string {
  const table = output.table(
    ['timelines', 'lists', 'entries', 'bytes', 'pages read', 'kept', 'rebuilt', 'partial', 'behind', 'pages/s'],
    kinds.map(({ kind, lists, entries, bytes, pages, pagesPerSecond }) => {
      const read = pages.kept + pages.rebuilt + pages.partial + pages.behind;
      const share = (count: number): string => (read === 0 ? '' : `${((count * 100) / read).toFixed(1)} %`);
      return [
        kind,
        lists,
        entries,
        formatBytes(bytes),
        read,
        share(pages.kept),
        share(pages.rebuilt),
        share(pages.partial),
        share(pages.behind),
        rate(pagesPerSecond),
      ];
    }),
  );
  const { withinSeconds: within } = deliveries;
  const lines = [
    ['servers', formatCount(servers)],
    [
      'deliveries',
      `${formatCount(deliveries.pushed)} pushed, ${formatCount(deliveries.leftToReaders)} left to readers, ${rate(deliveries.perSecond)} a second now`,
    ],
    ...(within === undefined
      ? []
      : [['time to deliver', `half within ${duration(within.p50)}, 99 of 100 within ${duration(within.p99)}`]]),
    ['cost of a push', costText(costs.pushSeconds, costs.pushRatio)],
    ['cost of a pull', costText(costs.pullSeconds, costs.pullRatio)],
    ['jobs', `${formatCount(jobs.queued)} waiting, ${formatCount(jobs.failing)} failing`],
  ];
  return [table, '', output.table(['servers count', 'since their start'], lines)].join('\n');
}

const rate = (perSecond: number | null): string =>
  perSecond === null ? '–' : perSecond.toFixed(perSecond < 10 ? 1 : 0);

const duration = (seconds: number): string => (Number.isFinite(seconds) ? formatMs(seconds * 1_000) : 'longer');

const costText = (seconds: number, ratio: number | undefined): string =>
  `${(seconds * 1e6).toPrecision(3)} µs${ratio === undefined ? '' : `; real over predicted ${ratio.toFixed(2)}`}`;
