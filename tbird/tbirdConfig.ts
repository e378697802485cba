import { z } from 'zod';
import { configPart } from '../process/index.js';

/** The keys of tweets. */
export const tbirdConfig = configPart(
  {
    cache: {
      /** Whether tweets, and the lists of users' tweets, are read from the nodes in `memcached`. The same on every server. */
      tweets: z.boolean().default(false),
    },
    tweets: {
      /** How long the tables of windows that the retention dropped are kept, so that they can be brought back. */
      undropDays: z.number().positive().max(3_650).default(7),
    },
  },
  {
    problems: ({ cache }, { memcached }) =>
      cache.tweets && memcached.length === 0
        ? [{ key: ['cache', 'tweets'], text: 'needs nodes to cache on: memcached names none' }]
        : [],
  },
);
