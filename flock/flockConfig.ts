import { z } from 'zod';
import { configPart } from '../process/index.js';

/** The keys of graphs. */
export const flockConfig = configPart(
  {
    cache: {
      /** Whether the newest edges of each node, and edges by their ends, are read from the nodes in `memcached`. The same on every server. */
      graphs: z.boolean().default(false),
      /** The newest ids that are kept of each list: what lies behind them is read from the databases. */
      listIds: z.int().min(10).max(10_000).default(400),
    },
  },
  {
    problems: ({ cache }, { memcached }) =>
      cache.graphs && memcached.length === 0
        ? [{ key: ['cache', 'graphs'], text: 'needs nodes to cache on: memcached names none' }]
        : [],
  },
);
