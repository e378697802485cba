import type { StorePage } from '../cluster/index.js';
import type { Tbird } from './tbird.js';

/** The newest of each kind that are shown. */
const shown = 500;

/** The windows of time that tweets are kept in, and those that were dropped. */
export const windowsPage: StorePage<Tbird> = {
  path: '/windows',
  title: 'Windows',
  async view(tbird) {
    const [windows, dropped] = await Promise.all([tbird.windows(), tbird.droppedWindows()]);
    const span = [
      { title: 'from', form: 'moment' },
      { title: 'to', form: 'moment' },
    ] as const;
    return [
      {
        title: 'Windows of tweets',
        note: 'the newest first',
        columns: [
          ...span,
          { title: 'phase' },
          { title: 'stripes', form: 'count' },
          { title: 'hosts' },
          { title: 'first id' },
        ],
        rows: [...windows]
          .sort((a, b) => b.startMs - a.startMs)
          .slice(0, shown)
          .map(({ startMs, endMs, phase, stripes, hosts, firstId }) => [
            startMs,
            endMs,
            phase,
            stripes,
            hosts.join(' '),
            String(firstId),
          ]),
        empty: 'There is none yet: `roost tweets setup` makes the first.',
      },
      {
        title: 'Dropped windows',
        columns: [
          ...span,
          { title: 'dropped', form: 'moment' },
          { title: 'tables', form: 'count' },
          { title: 'kept until', form: 'moment' },
          { title: 'state' },
        ],
        rows: [...dropped]
          .sort((a, b) => b.droppedAtMs - a.droppedAtMs)
          .slice(0, shown)
          .map(({ startMs, endMs, droppedAtMs, tables, keptUntilMs, back }) => [
            startMs,
            endMs,
            droppedAtMs,
            tables,
            back ? null : keptUntilMs,
            back ? 'back, until it is released' : '`roost tweets undrop` brings it back',
          ]),
        empty: 'None is kept.',
      },
    ];
  },
};
