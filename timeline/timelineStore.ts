import { defineStore, openCluster, type OpenClusterOptions, type Store } from '../cluster/index.js';
import { limits } from '../core/index.js';
import { flockStore } from '../flock/index.js';
import { redisBackend } from '../redis/index.js';
import type { RoostConfig } from '../process/index.js';
import { tbirdStore } from '../tbird/index.js';
import { activityJob, activityJobKind, activityLookKind } from './activity/activityJob.js';
import { checkTimelines } from './check/checkTimelines.js';
import { deliverAlongside } from './home/deliverAlongside.js';
import { deliveryJob, leastReads } from './home/deliveryJob.js';
import { followJob } from './home/followJob.js';
import { followJobKind, followLookKind } from './home/followPayload.js';
import type { ReadRule } from './home/visibility.js';
import { secondLookJob } from './jobs/secondLook.js';
import { timelineJob } from './jobs/timelineJob.js';
import { deliverAbout } from './kinds/deliverAbout.js';
import { rebuildJob } from './pages/rebuildJob.js';
import { timelineConfig } from './timelineConfig.js';
import { timelineProcessor } from './timelineProcessor.js';
import { timelineRoles } from './timelineRoles.js';
import { limitsOf, TimelineService } from './timelineService.js';
import { timelinesPage } from './timelinesPage.js';
import { timelinesShardType } from './timelinesShardType.js';

/** Timelines with rules of the application. */
export const timelineStoreWith = (
  rules: readonly ReadRule[],
): Store<'timeline', TimelineService, readonly [typeof flockStore, typeof tbirdStore]> =>
  defineStore({
    name: 'timeline',
    config: timelineConfig,
    redisSection: 'timeline',
    uses: [flockStore, tbirdStore],
    open({ gizzard, stores: { flock, tbird } }) {
      const service = new TimelineService(gizzard, flock, tbird, rules);
      deliverAlongside(tbird, flock, () => service.delivered());
      return service;
    },
    service: {
      title: 'timelines',
      port: 7666,
      requestBytes: limits.timelineRequestBytes,
      processor: timelineProcessor,
      roles: timelineRoles,
    },
    backends: (_service, { config, log }) => [
      redisBackend(timelineConfig.of(config).timeline.hosts, config.cluster, log),
    ],
    shardTypes: (_service, { config }) => [
      timelinesShardType(config.cluster, limitsOf(timelineConfig.of(config).timeline)),
    ],
    jobTypes(service, { config }) {
      const { kinds, timelines, costs, tbird, flock, graphs } = service;
      const { timeline } = timelineConfig.of(config);
      return [
        timelineJob(config.cluster, limitsOf(timeline), costs),
        deliveryJob(timelines, costs, tbird, flock, graphs, (tweet, op, deadline) =>
          deliverAbout(tweet, op, service, deadline),
        ),
        rebuildJob(kinds, timeline.keep),
        activityJob(service, activityJobKind),
        activityJob(service, activityLookKind),
        followJob(timelines, tbird, flock, graphs, timeline.keep, followJobKind),
        followJob(timelines, tbird, flock, graphs, timeline.keep, followLookKind),
        secondLookJob(tbird, (authorId, deadline) => leastReads(timelines, costs, authorId, deadline)),
      ];
    },
    check: checkTimelines,
    pages: [timelinesPage],
  });

export const timelineStore = timelineStoreWith([]);

/** Opens a cluster with timelines, graphs and tweets. `close` closes the cluster. */
export async function openTimelines(
  config: RoostConfig,
  { rules = [], ...options }: OpenClusterOptions & { readonly rules?: readonly ReadRule[] } = {},
): Promise<TimelineService & { close(): Promise<void> }> {
  const cluster = await openCluster(config, [timelineStoreWith(rules)], options);
  return Object.assign(cluster.stores.timeline, { close: () => cluster.close() });
}
