import { z } from 'zod';
import { configPart, redisSchema } from '../process/index.js';

/** The configuration keys of timelines. */
export const timelineConfig = configPart(
  {
    timeline: {
      /**
       * Redis servers for timelines, by names that are unique among all hosts. None: this cluster has no timelines.
       */
      hosts: z.record(z.string().min(1).max(64), redisSchema).default({}),
      /**
       * Entries that a timeline is trimmed to when it has grown past `trimPast`; Twitter's number. The same on every
       * server.
       */
      keep: z.int().min(1).max(10_000).default(800),
      trimPast: z.int().min(1).max(20_000).default(850),
      /** Days after which a timeline that nobody reads expires. The next read rebuilds it. */
      ttlDays: z.number().positive().max(3_650).default(21),
      /**
       * Moves the line between push and pull: an author is pushed to a reader whose reads per post are at least this
       * times the measured cost of a push over that of a pull. 0 pushes everything.
       */
      pushThreshold: z.number().min(0).max(1e9).default(1),
      /** The graph of follows, and those of blocks and of authors whose retweets are not wanted, if there are any. */
      follows: z.string().min(1).default('follows'),
      blocks: z.string().min(1).default('blocks'),
      retweetsOff: z.string().min(1).default('retweets_off'),
    },
  },
  {
    problems: ({ timeline: { keep, trimPast } }) =>
      keep > trimPast
        ? [{ key: ['timeline', 'keep'], text: `must not be above timeline.trimPast, ${trimPast}, found ${keep}` }]
        : [],
    // Addresses of hosts may differ by a server's location.
    shared: ({ timeline: { hosts, ...timeline } }) => ({ ...timeline, hosts: Object.keys(hosts).sort() }),
  },
);

export type TimelineConfig = ReturnType<(typeof timelineConfig)['of']>['timeline'];
