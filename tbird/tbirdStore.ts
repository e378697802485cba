import { cachedKind, defineStore, openCluster, type OpenClusterOptions, type Store } from '../cluster/index.js';
import { limits, parseId } from '../core/index.js';
import type { RoostConfig } from '../process/index.js';
import { LeasedCache } from '../cache/index.js';
import { flockStore } from '../flock/index.js';
import { tweetFormats } from '../wire/index.js';
import { renderTweets } from './cached/tweetFormats.js';
import { checkStore } from './checkStore.js';
import { tweetJob } from './jobs/tweetJob.js';
import { applyTweets } from './storage/applyTweets.js';
import { tweetsShardType } from './storage/tweetsShardType.js';
import { Tbird, type TbirdOptions } from './tbird.js';
import { tbirdBackup } from './tbirdBackup.js';
import { tbirdConfig } from './tbirdConfig.js';
import { tbirdHosts } from './tbirdHosts.js';
import { tbirdProcessor } from './tbirdProcessor.js';
import { tbirdRoles } from './tbirdRoles.js';
import { tweetGraphNames } from './tweetIndex.js';
import { windowsPage } from './windowsPage.js';

/** For tests: clocks and the length of leases. */
export type TbirdTimes = Pick<TbirdOptions, 'clocks' | 'leaseMs'>;

/** Tweets with clocks of their own. */
export const tbirdStoreWith = (times: TbirdTimes): Store<'tbird', Tbird, readonly [typeof flockStore]> =>
  defineStore({
    name: 'tbird',
    config: tbirdConfig,
    uses: [flockStore],
    open({ gizzard, caches, config, stores: { flock } }) {
      flock.options.caches?.decide(Object.values(tweetGraphNames), tbirdConfig.of(config).cache.tweets);
      return new Tbird(gizzard, flock, { ...times, caches });
    },
    shardTypes: ({ caches, tables }) => [tweetsShardType(tables, caches?.moving)],
    jobTypes: ({ caches, tables }) => [tweetJob(tables, caches?.applyTweets ?? applyTweets, caches?.forget)],
    start: ({ roller }) => roller.start(),
    close: (tbird) => tbird.stop(),
    check: checkStore,
    backup: tbirdBackup,
    hosts: tbirdHosts,
    pages: [windowsPage],
    service: {
      title: 'tweets',
      port: 7917,
      requestBytes: limits.tbirdRequestBytes,
      processor: tbirdProcessor,
      roles: tbirdRoles,
    },
    alerts: [
      {
        name: 'RoostTweetWindowsHeldBack',
        expr: 'max(roost_tweet_windows_held_back) > 0',
        forSeconds: 86_400,
        severity: 'ticket',
        summary: 'Windows of tweets past the retention have not been dropped for a day.',
        look: 'roost tweets roll',
        runbook: 'clock-wrong',
      },
    ],
    cached: {
      names: ['tweets', 'fragments'],
      of(tbird) {
        const { caches } = tbird;
        if (caches === undefined) return [];
        const fragments = tweetFormats.map((format) => {
          // Rendered from the database rather than from cached rows, which may be as old.
          const { options } = caches.fragments.format(format);
          const cache = new LeasedCache<bigint, Buffer>(caches.pool, {
            ...options,
            load: async (ids, deadline) => renderTweets(format, await tbird.records(ids, deadline)),
          });
          return cachedKind('fragments', cache, { parseKey: parseId, describe: (id) => `${format} ${id}` });
        });
        return [cachedKind('tweets', caches.rows, { parseKey: parseId }), ...fragments];
      },
    },
  });

/** Tweets, as a store. */
export const tbirdStore = tbirdStoreWith({});

/** Opens the tweets and the graphs of a cluster: `openCluster` with one store. `close` closes the cluster. */
export const openTbird = async (
  config: RoostConfig,
  { clocks, leaseMs, ...options }: OpenClusterOptions & TbirdTimes = {},
): Promise<Tbird> => {
  const store = tbirdStoreWith({ ...(clocks && { clocks }), ...(leaseMs !== undefined && { leaseMs }) });
  return (await openCluster(config, [store], options)).stores.tbird;
};
