import { z } from 'zod';
import { configPart, redisSchema } from '../process/index.js';

/** The keys of timelines. */
export const timelineConfig = configPart(
  {
    timeline: {
      /** Redis servers that hold timelines, by name, each with a name of its own among all hosts. None: this cluster has no timelines. */
      hosts: z.record(z.string().min(1).max(64), redisSchema).default({}),
      /** Entries that a timeline is trimmed to when it has grown past `trimPast`: what Twitter kept. The same on every server. */
      keep: z.int().min(1).max(10_000).default(800),
      trimPast: z.int().min(1).max(20_000).default(850),
      /** A timeline that nobody has read for so long goes, and is rebuilt when it is read again. */
      ttlDays: z.number().positive().max(3_650).default(21),
      /**
       * Moves the line between tweets that are pushed into a home timeline and those that its reader pulls: a reader gets pushes of an author where their reads over the author's posts are at least
       * this times the measured cost of a push over that of a pull. 0 pushes everything.
       */
      pushThreshold: z.number().min(0).max(1e9).default(1),
      /** The graph that says whom a reader follows, and those of blocks and of authors whose retweets are not wanted, where there are any. */
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
    // The addresses of hosts may differ by where a server stands.
    shared: ({ timeline: { hosts, ...timeline } }) => ({ ...timeline, hosts: Object.keys(hosts).sort() }),
  },
);

export type TimelineConfig = ReturnType<(typeof timelineConfig)['of']>['timeline'];
