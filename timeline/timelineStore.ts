import { defineStore, openCluster, type OpenClusterOptions, type Store } from '../cluster/index.js';
import { limits, parseId, RoostError, type Deadline } from '../core/index.js';
import { flockStore, type Flock } from '../flock/index.js';
import { planShards, type Gizzard, type ShardsPlan } from '../gizzard/index.js';
import { redisBackend } from '../redis/index.js';
import type { RoostConfig } from '../process/index.js';
import { tbirdStore, type Tbird } from '../tbird/index.js';
import type { TimelineGraphs } from './home/audience.js';
import { deliverAlongside } from './home/deliverAlongside.js';
import { deliveryJob } from './home/deliveryJob.js';
import { followJob } from './home/followJob.js';
import type { HomeEntry } from './home/homeEntry.js';
import { HomeTimelines } from './home/homeTimelines.js';
import { encodeTimelineWrite, timelineJobKind } from './jobs/timelinePayload.js';
import { timelineJob } from './jobs/timelineJob.js';
import type { ListLimits } from './lists/timelineLists.js';
import { presentGraphs, timelineGraphs } from './timelineGraphs.js';
import { newRebuild, rebuildJob, type KindName } from './pages/rebuildJob.js';
import type { TimelineKind } from './pages/timelineKind.js';
import { TimelinePages } from './pages/timelinePages.js';
import type { ReadRule } from './home/visibility.js';
import { routingKeys } from './names.js';
import { deadlineOf, type ReadOptions } from '../wire/index.js';
import { timelineProcessor } from './timelineProcessor.js';
import { timelineRoles } from './timelineRoles.js';
import { Timelines } from './timelines.js';
import { TimelineShards, timelinesTableId } from './timelineShards.js';
import { timelinesShardType, timelinesShardTypeName } from './timelinesShardType.js';

/** The timelines of a cluster. */
export class TimelineService {
  readonly timelines: Timelines;
  readonly kinds: { readonly home: HomeTimelines };
  readonly home: TimelinePages<HomeEntry>;
  readonly graphs: () => ReturnType<typeof timelineGraphs>;

  constructor(
    readonly gizzard: Gizzard,
    readonly flock: Flock,
    readonly tbird: Tbird,
    rules: readonly ReadRule[] = [],
  ) {
    this.graphs = () => timelineGraphs(flock, gizzard.config);
    this.timelines = new Timelines(gizzard, new TimelineShards(gizzard, limitsOf(gizzard.config)));
    this.kinds = { home: new HomeTimelines(flock, tbird, this.graphs, rules) };
    this.home = this.#pages('home', this.kinds.home);
  }

  /** The graphs by which tweets are delivered; undefined while the cluster has no timelines, or lacks the graph of follows or the tweets' index. */
  delivered(): TimelineGraphs | undefined {
    if (!this.gizzard.topology.covers(timelinesTableId)) return undefined;
    const { follows, byUser, ...others } = presentGraphs(this.flock, this.gizzard.config);
    return follows === undefined || byUser === undefined ? undefined : { follows, ...others };
  }

  /** Makes the shards of timelines. Throws `AlreadyExists` where there are some, `FailedPrecondition` where no Redis is configured for them. */
  async setup({
    shards,
    replicas,
    hosts = Object.keys(this.gizzard.config.timeline.hosts),
  }: TimelineSetup): Promise<void> {
    if (hosts.length === 0)
      throw new RoostError(
        'FailedPrecondition',
        'name the Redis servers for timelines in `timeline.hosts` of the configuration',
      );
    await this.gizzard.nameServer.reload();
    if (this.gizzard.topology.tables.some(({ tableId }) => tableId === timelinesTableId))
      throw new RoostError('AlreadyExists', 'this cluster has timelines already');
    await this.gizzard.apply(
      planShards({
        table: { tableId: timelinesTableId, name: 'timelines', service: 'timelines', hash: 'identity' },
        shardType: timelinesShardTypeName,
        prefix: 'timelines',
        shards,
        replicas,
        hosts,
        endHash: routingKeys,
      }),
    );
  }

  /** Forgets what is kept of a timeline and has it filled anew. Answered once that has begun, which takes a process that applies jobs. Throws as `Timelines` does. */
  async rebuild(kind: KindName, userId: bigint, options: ReadOptions = {}): Promise<void> {
    parseId(userId);
    const deadline = deadlineOf(options);
    await this.timelines.delete(this.#nameOf(kind, userId), { ...options, acknowledgment: 'materialized' });
    await this.#askForRebuild(kind, userId, deadline);
  }

  #pages<Item>(name: KindName, kind: TimelineKind<Item>): TimelinePages<Item> {
    return new TimelinePages(this.timelines, kind, (userId, deadline) => this.#askForRebuild(name, userId, deadline));
  }

  #nameOf(kind: KindName, userId: bigint): string {
    return `${this.kinds[kind].prefix}${userId}`;
  }

  /** Makes an empty timeline, so that what is delivered from now on stays, and has it filled. */
  async #askForRebuild(kind: KindName, userId: bigint, deadline: Deadline): Promise<void> {
    const { jobs } = this.gizzard;
    const name = this.#nameOf(kind, userId);
    const begun = { kind: timelineJobKind, payload: encodeTimelineWrite({ op: 'begin', name }) };
    await jobs.append([begun], { priority: 'high', waitUntilApplied: true, deadline });
    await jobs.append([newRebuild(kind, userId)], { priority: 'high', waitUntilApplied: false, deadline });
  }
}

export type TimelineSetup = Pick<ShardsPlan, 'shards' | 'replicas'> & Partial<Pick<ShardsPlan, 'hosts'>>;

const limitsOf = ({ timeline: { keep, trimPast, ttlDays } }: RoostConfig): ListLimits => ({
  keep,
  trimPast,
  ttlSeconds: Math.ceil(ttlDays * 86_400),
});

/** Timelines with rules of the application. */
export const timelineStoreWith = (
  rules: readonly ReadRule[],
): Store<'timeline', TimelineService, readonly [typeof flockStore, typeof tbirdStore]> =>
  defineStore({
    name: 'timeline',
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
    backends: (_service, { config, log }) => [redisBackend(config.timeline.hosts, config.cluster, log)],
    shardTypes: (_service, { config }) => [timelinesShardType(config.cluster, limitsOf(config))],
    jobTypes: ({ kinds, timelines, tbird, flock, graphs }, { config }) => [
      timelineJob(config.cluster, limitsOf(config)),
      deliveryJob(tbird, flock, graphs),
      rebuildJob(kinds, config.timeline.keep),
      followJob(timelines, tbird, flock, graphs, config.timeline.keep),
    ],
  });

export const timelineStore = timelineStoreWith([]);

/** Opens the timelines of a cluster, with its graphs and tweets: `openCluster` with one store. `close` closes the cluster. */
export async function openTimelines(
  config: RoostConfig,
  { rules = [], ...options }: OpenClusterOptions & { readonly rules?: readonly ReadRule[] } = {},
): Promise<TimelineService & { close(): Promise<void> }> {
  const cluster = await openCluster(config, [timelineStoreWith(rules)], options);
  return Object.assign(cluster.stores.timeline, { close: () => cluster.close() });
}
