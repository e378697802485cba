import { parseId, RoostError, type Deadline } from '../core/index.js';
import type { Flock } from '../flock/index.js';
import { planShards, type Gizzard, type ShardsPlan } from '../gizzard/index.js';
import type { Metrics } from '../process/index.js';
import type { Tbird } from '../tbird/index.js';
import { deadlineOf, type Activity, type ReadOptions, type TimelineReads } from '../wire/index.js';
import { ActivitySource } from './activity/activitySource.js';
import { ActivityTimelines } from './activity/activityTimelines.js';
import { DeliveryCosts } from './home/deliveryCosts.js';
import { DeliveryExplainer } from './home/explainDelivery.js';
import type { HomeEntry } from './home/homeEntry.js';
import { HomeTimelines } from './home/homeTimelines.js';
import type { ReadRule } from './home/visibility.js';
import { writeOf } from './jobs/timelinePayload.js';
import { AuthorTimelines } from './kinds/authorTimelines.js';
import { MentionTimelines } from './kinds/mentionTimelines.js';
import type { ListLimits, ListsSize } from './lists/timelineLists.js';
import { routingKeys } from './names.js';
import { PageTweets } from './pages/pageTweets.js';
import { newRebuild, type KindName } from './pages/rebuildJob.js';
import type { TimelineKind } from './pages/timelineKind.js';
import { TimelinePages, type ReadFrom } from './pages/timelinePages.js';
import { timelineConfig, type TimelineConfig } from './timelineConfig.js';
import { presentGraphs, timelineGraphs, type StoredGraphs } from './timelineGraphs.js';
import { Timelines } from './timelines.js';
import { TimelineShards, timelinesTableId } from './timelineShards.js';
import { timelinesShardTypeName } from './timelinesShardType.js';

/** The timelines of a cluster. */
export class TimelineService {
  readonly timelines: Timelines;
  /** The kinds of timelines. */
  readonly kinds: {
    readonly home: HomeTimelines;
    readonly user: AuthorTimelines;
    readonly mentions: MentionTimelines;
    readonly activity: ActivityTimelines;
  };
  readonly home: TimelinePages<HomeEntry>;
  readonly user: TimelinePages<HomeEntry>;
  readonly mentions: TimelinePages<HomeEntry>;
  readonly activity: TimelinePages<Activity>;
  /** Pages read by this process, by kind. */
  readonly reads: TimelineReads[] = [];
  readonly source: ActivitySource;
  readonly costs: DeliveryCosts;
  readonly config: TimelineConfig;
  readonly explain: DeliveryExplainer;
  readonly graphs: () => StoredGraphs;

  readonly #pagesRead: ReturnType<typeof pagesRead>;
  readonly #shards: TimelineShards;

  constructor(
    readonly gizzard: Gizzard,
    readonly flock: Flock,
    readonly tbird: Tbird,
    rules: readonly ReadRule[] = [],
  ) {
    this.config = timelineConfig.of(gizzard.config).timeline;
    this.#pagesRead = pagesRead(gizzard.metrics);
    this.graphs = () => timelineGraphs(flock, this.config);
    this.#shards = new TimelineShards(gizzard, limitsOf(this.config));
    this.timelines = new Timelines(gizzard, this.#shards);
    this.costs = new DeliveryCosts(gizzard.metrics, this.config.pushThreshold);
    this.explain = new DeliveryExplainer(
      this.timelines,
      flock,
      this.graphs,
      () => gizzard.topology.route(timelinesTableId, 0n).leaves.length,
    );
    this.source = new ActivitySource(flock, tbird, this.graphs);
    this.kinds = {
      home: new HomeTimelines(flock, tbird, this.graphs, rules, this.costs),
      user: new AuthorTimelines(tbird),
      mentions: new MentionTimelines(flock, tbird, this.graphs),
      activity: new ActivityTimelines(flock, tbird, this.source, this.graphs),
    };
    this.home = this.#pages('home', this.kinds.home);
    this.user = this.#pages('user', this.kinds.user);
    this.mentions = this.#pages('mentions', this.kinds.mentions);
    this.activity = this.#pages('activity', this.kinds.activity);
  }

  /**
   * The graphs that deliveries follow; undefined while the cluster has no timelines, or lacks the graph of follows or
   * the tweets' index.
   */
  delivered(): StoredGraphs | undefined {
    if (!this.gizzard.topology.covers(timelinesTableId)) return undefined;
    const { follows, byUser, ...others } = presentGraphs(this.flock, this.config);
    return follows === undefined || byUser === undefined ? undefined : { follows, byUser, ...others };
  }

  /**
   * Creates the shards of timelines. Throws `AlreadyExists` if there are any, and `FailedPrecondition` if no Redis is
   * configured for them.
   */
  async setup({ shards, replicas, hosts = Object.keys(this.config.hosts) }: TimelineSetup): Promise<void> {
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

  /**
   * Drops a timeline's entries and has it filled anew. Resolves once that has begun, which takes a process that
   * applies jobs. Throws as `Timelines`.
   */
  async rebuild(kind: KindName, userId: bigint, options: ReadOptions = {}): Promise<void> {
    parseId(userId);
    const deadline = deadlineOf(options);
    await this.timelines.delete(this.#nameOf(kind, userId), { ...options, acknowledgment: 'materialized' });
    await this.#askForRebuild(kind, userId, deadline);
  }

  /**
   * The number of timelines of a kind, with estimates of one replica's entries and of the bytes of all. Throws as
   * `Timelines`.
   */
  async sizeOf(kind: KindName, options: ReadOptions = {}): Promise<ListsSize> {
    const deadline = deadlineOf(options);
    this.#shards.requireShards();
    const trees = await Promise.all(
      this.gizzard.topology
        .routes(timelinesTableId)
        .map(({ leaves }) =>
          Promise.all(leaves.map((leaf) => this.timelines.listsAt(leaf, deadline).sizeOf(this.kinds[kind].prefix))),
        ),
    );
    const sum = (of: (replicas: readonly ListsSize[]) => number): number =>
      trees.reduce((total, replicas) => total + of(replicas), 0);
    return {
      lists: sum((replicas) => Math.max(0, ...replicas.map(({ lists }) => lists))),
      entries: sum((replicas) => Math.max(0, ...replicas.map(({ entries }) => entries))),
      bytes: sum((replicas) => replicas.reduce((total, { bytes }) => total + bytes, 0)),
    };
  }

  #pages<Item>(name: KindName, kind: TimelineKind<Item>): TimelinePages<Item> {
    const reads = { kind: name, kept: 0n, rebuilt: 0n, partial: 0n, behind: 0n };
    this.reads.push(reads);
    const count = (from: ReadFrom): void => {
      reads[from]++;
      this.#pagesRead.inc({ kind: name, from });
    };
    return new TimelinePages(
      this.timelines,
      kind,
      count,
      () => new PageTweets(this.tbird),
      (userId, deadline) => this.#askForRebuild(name, userId, deadline),
    );
  }

  #nameOf(kind: KindName, userId: bigint): string {
    return `${this.kinds[kind].prefix}${userId}`;
  }

  /** Creates an empty timeline, so that deliveries from now on stay, and has it filled. */
  async #askForRebuild(kind: KindName, userId: bigint, deadline: Deadline): Promise<void> {
    const { jobs } = this.gizzard;
    const name = this.#nameOf(kind, userId);
    await jobs.append([writeOf({ op: 'begin', name })], { priority: 'high', waitUntilApplied: true, deadline });
    await jobs.append([newRebuild(kind, userId)], { priority: 'high', waitUntilApplied: false, deadline });
  }
}

const pagesRead = (metrics: Metrics) =>
  metrics.counter(
    'roost_timeline_pages',
    'Pages of timelines that were read, by kind and by what they were read from',
    ['kind', 'from'],
  );

export type TimelineSetup = Pick<ShardsPlan, 'shards' | 'replicas'> & Partial<Pick<ShardsPlan, 'hosts'>>;

/** The configured limits of lists. */
export const limitsOf = ({ keep, trimPast, ttlDays }: TimelineConfig): ListLimits => ({
  keep,
  trimPast,
  ttlSeconds: Math.ceil(ttlDays * 86_400),
});
