import type { Caches } from '../cache/index.js';
import { checkTimes, journalWrite } from '../cluster/index.js';
import {
  chunks,
  type Deadline,
  inTurns,
  isSnowflake,
  limits,
  type Micros,
  parseCount,
  RoostError,
  snowflakeTimeMs,
} from '../core/index.js';
import type { EdgeState, Flock } from '../flock/index.js';
import type { Gizzard, NewJob } from '../gizzard/index.js';
import type { DatabaseHost } from '../mysql/index.js';
import {
  deadlineOf,
  type DroppedWindow,
  type ReadOptions,
  type ScannedTimeline,
  type TimedWriteOptions,
  type TimelineRequest,
  type Tweet,
  type TweetCounts,
  type TweetDraft,
  type WindowInfo,
  type WriteOptions,
} from '../wire/index.js';
import { TweetCaches } from './cached/tweetCaches.js';
import { renderTweets } from './cached/tweetFormats.js';
import { IdGenerator } from './ids/idGenerator.js';
import { SqlWorkerLeases } from './ids/sqlWorkerLeases.js';
import { encodeTweets, type StateChange, tweetJobKind } from './jobs/tweetPayload.js';
import { RecentCreates } from './recentCreates.js';
import { ReservedIds } from './reservedIds.js';
import { scanTweets } from './storage/scanTweets.js';
import { tweetOf } from './storage/tweetRows.js';
import { tweetsTable, type TweetTables } from './storage/tweetTable.js';
import { tbirdConfig } from './tbirdConfig.js';
import type { TbirdService } from './tbirdService.js';
import type { TweetContent } from './tweet.js';
import { IndexWrites, tweetGraphNames, type TweetGraphs } from './tweetIndex.js';
import { tweetCounts, tweetGraph, tweetGraphs } from './tweetGraphs.js';
import { kindStates } from './tweetKind.js';
import { TweetReader } from './tweetReader.js';
import type { TweetsWritten } from './tweetsWritten.js';
import { deleted, live, type TweetRecord } from './tweetRecord.js';
import { checkCount, checkId, checkIds, refuseOther } from './callRules.js';
import { checkedMentions, contentOf } from './tweetRules.js';
import { Roller } from './windows/roller.js';
import { clusterClocks, type ClusterClocks } from './windows/clusterClocks.js';
import { firstKeptId, tweetsTableId } from './windows/windowMap.js';
import type { PolicyInput, WindowPolicy } from './windows/windowPolicy.js';
import { Windows, type RollReport } from './windows/windows.js';

export interface SetupOptions {
  readonly policy?: PolicyInput;
  /** Shards of each graph in each direction. Absent: 8. */
  readonly graphShards?: number;
  /** Drop all windows past the retention at once. Absent: a share, as at any roll. */
  readonly dropAll?: boolean;
}

export interface TbirdOptions {
  /** For tests: the clocks for creating and dropping windows, and the length of leases. */
  readonly clocks?: ClusterClocks;
  readonly leaseMs?: number;
  /** Cache nodes for reads of tweets, if `cache.tweets` is on. Absent: reads go to the databases alone. */
  readonly caches?: Caches;
}

/** Tweets on a cluster. See `TbirdService` for what each method promises. */
export class Tbird implements TbirdService {
  readonly ids: IdGenerator;
  /** The time partitions. */
  readonly windowSet: Windows;
  readonly roller: Roller;
  /** The table id of tweets in the topology. */
  readonly tableId = tweetsTableId;
  readonly caches: TweetCaches | undefined;
  readonly #clocks: ClusterClocks;
  readonly #alongside: ((write: TweetsWritten) => readonly NewJob[])[] = [];
  readonly #recent = new RecentCreates();
  readonly #reserved = new ReservedIds();
  readonly tables: TweetTables;
  readonly #reader: TweetReader;
  readonly #windowsRead: (kind: string, count: number) => void;

  constructor(
    readonly gizzard: Gizzard,
    readonly flock: Flock,
    options: TbirdOptions = {},
  ) {
    const { log, metrics } = gizzard;
    this.#clocks = options.clocks ?? clusterClocks(gizzard);
    this.ids = new IdGenerator(SqlWorkerLeases.of(gizzard, options.leaseMs), { log });
    this.windowSet = new Windows(gizzard, this.#clocks, log);
    this.roller = new Roller(this.windowSet, log);
    this.tables = tweetsTable.in(gizzard.database);
    this.#reader = new TweetReader(gizzard, this.windowSet, this.tables);
    const { caches } = options;
    this.caches =
      caches?.main && tbirdConfig.of(gizzard.config).cache.tweets
        ? new TweetCaches(caches.main, caches, gizzard, (ids, deadline) => this.#reader.records(ids, deadline))
        : undefined;
    const windowsRead = metrics.histogram(
      'roost_tweet_windows_read',
      'Windows that a query read, by kind',
      ['kind'],
      [1, 2, 3, 5, 10, 20, 50, 100, 1_000],
    );
    metrics.gauge(
      'roost_tweet_windows_held_back',
      'Windows past the retention that the last roll here did not drop: it drops few at once, and none while clocks disagree',
      [],
      (gauge) => gauge.set(this.windowSet.lastRoll?.heldBack.length ?? 0),
    );
    metrics.gauge(
      'roost_clocks_apart',
      "Whether the clocks of the journal's Redis and of the name server's MySQL differ by more than they may",
      [],
      (gauge) => gauge.set(this.windowSet.lastRoll?.clocksApartMs === undefined ? 0 : 1),
    );
    this.#windowsRead = (kind, count) => windowsRead.observe({ kind }, count);
  }

  /**
   * Sets the policy of windows, creates what is missing, and rolls once. Calling it again changes the policy. Throws
   * as `makePolicy`.
   */
  async setup(options: SetupOptions = {}): Promise<WindowPolicy> {
    const policy = await this.windowSet.setPolicy(options.policy ?? {});
    const there = new Set(this.flock.graphs().map(({ name }) => name));
    for (const name of Object.values(tweetGraphNames)) {
      if (!there.has(name))
        await this.flock.createGraph(name, {
          shards: options.graphShards ?? 8,
          replicas: policy.replicas,
          hosts: policy.openHosts,
        });
    }
    await this.windowSet.roll({ all: options.dropAll === true });
    return policy;
  }

  /** Creates due windows, and drops those past the retention: a small share of them, or all with `all`. */
  roll(options: { readonly all?: boolean } = {}): Promise<RollReport> {
    return this.windowSet.roll(options);
  }

  /**
   * Journals further jobs with each write of tweets: all are accepted or none. They may run before the write is
   * applied, and fail no caller that waits for it.
   */
  alongside(make: (write: TweetsWritten) => readonly NewJob[]): void {
    this.#alongside.push(make);
  }

  async reserveIds(count: number, options: ReadOptions = {}): Promise<BigInt64Array> {
    parseCount(count, 'count', 1, limits.tweetsPerCall);
    const ids = await this.ids.take(count, deadlineOf(options));
    this.#reserved.add(ids);
    return BigInt64Array.from(ids);
  }

  async create(drafts: readonly TweetDraft[], options: WriteOptions = {}): Promise<BigInt64Array> {
    const deadline = deadlineOf(options);
    checkCount(drafts.length);
    if (options.identity !== undefined && drafts.some(({ id }) => id === undefined))
      throw invalid(
        'a create that has an identity brings its ids, which would be others when it is repeated: reserve them first',
      );
    const { windowMs } = await this.windowSet.policy();
    const made = (await this.ids.take(drafts.filter(({ id }) => id === undefined).length, deadline))[Symbol.iterator]();
    const contents = await inTurns(drafts, (draft) => contentOf(draft, draft.id ?? (made.next().value as bigint)));
    const mentions = drafts.map((draft, i) => checkedMentions(draft, contents[i]!.id));
    const brought = contents.filter((_, i) => drafts[i]!.id !== undefined);
    await this.#refuseAhead(brought.map(({ id }) => id));
    const fresh = this.#reserve(brought);
    try {
      await this.windowSet.ensure(
        contents.map(({ id }) => id),
        'create',
        deadline,
      );
      const unknown = brought.filter(({ id }) => !this.#reserved.use(id));
      if (unknown.length > 0) await this.#refuseOthers(unknown, deadline);
      await this.#append(contents, mentions, [], windowMs, options, deadline);
    } catch (error) {
      // Nothing is known to be accepted; accepted tweets are found in the tables.
      for (const { id } of fresh) this.#recent.remove(id);
      throw error;
    }
    return BigInt64Array.from(contents, ({ id }) => id);
  }

  delete(ids: BigInt64Array, options: TimedWriteOptions = {}): Promise<void> {
    return this.#setState(ids, deleted, options);
  }

  undelete(ids: BigInt64Array, options: TimedWriteOptions = {}): Promise<void> {
    return this.#setState(ids, live, options);
  }

  async get(
    ids: BigInt64Array,
    options: ReadOptions & { readonly deleted?: boolean } = {},
  ): Promise<readonly (Tweet | undefined)[]> {
    const deadline = deadlineOf(options);
    checkIds(ids);
    const rows = await this.#rows(ids, deadline);
    return Array.from(ids, (id) => {
      const row = rows.get(id);
      return row === undefined || (row.state === deleted && options.deleted !== true) ? undefined : tweetOf(row);
    });
  }

  /**
   * When each tweet was deleted or restored last, or else created: microseconds of the journal. Undefined if nothing
   * is stored of it. Throws as `get`.
   */
  async stateTimes(ids: BigInt64Array, options: ReadOptions = {}): Promise<readonly (Micros | undefined)[]> {
    checkIds(ids);
    const rows = await this.#rows(ids, deadlineOf(options));
    return Array.from(ids, (id) => rows.get(id)?.stateAt);
  }

  async timeline(
    { userId, count, beforeId, afterId, replies = true, retweets = true }: TimelineRequest,
    options: ReadOptions = {},
  ): Promise<BigInt64Array> {
    const states: EdgeState[] = [
      kindStates.original,
      ...(replies ? [kindStates.reply] : []),
      ...(retweets ? [kindStates.retweet] : []),
    ];
    return this.#page('byUser', userId, count, beforeId, afterId, states, options);
  }

  async fragments(
    format: string,
    ids: BigInt64Array,
    options: ReadOptions = {},
  ): Promise<readonly (Buffer | undefined)[]> {
    const deadline = deadlineOf(options);
    checkIds(ids);
    const found =
      this.caches === undefined
        ? renderTweets(format, await this.records(ids, deadline))
        : await this.caches.fragments.get(format, await this.#reader.present(ids, deadline), deadline);
    return Array.from(ids, (id) => found.get(id));
  }

  async timelineFragments(
    format: string,
    request: TimelineRequest,
    options: ReadOptions = {},
  ): Promise<readonly Buffer[]> {
    const fragments = await this.fragments(format, await this.timeline(request, options), options);
    return fragments.filter((fragment) => fragment !== undefined);
  }

  async related(
    kind: 'replies' | 'retweets',
    { tweetId, count, beforeId }: { readonly tweetId: bigint; readonly count: number; readonly beforeId?: bigint },
    options: ReadOptions = {},
  ): Promise<BigInt64Array> {
    return this.#page(kind, tweetId, count, beforeId, undefined, [kindStates.original], options);
  }

  async counts(ids: BigInt64Array, options: ReadOptions = {}): Promise<readonly TweetCounts[]> {
    checkIds(ids);
    return tweetCounts(this.flock, ids, options);
  }

  async scan(
    { userId, count, beforeId, afterId, replies = true, retweets = true }: TimelineRequest,
    options: ReadOptions = {},
  ): Promise<ScannedTimeline> {
    const deadline = deadlineOf(options);
    parseCount(count, 'count', 1, limits.pageSize);
    checkId(userId);
    const all = await this.windowSet.stored();
    // Reads work while the journal does not answer.
    const newestMs = (await this.#clocks.journalMs().catch(() => Infinity)) + limits.idAheadToleranceMs;
    const tweets: Tweet[] = [];
    let windowsRead = 0;
    let tablesRead = 0;
    for (let i = all.length - 1; i >= 0 && tweets.length < count; i--) {
      const { startMs, firstId, endId, stripes } = all[i]!;
      // Windows created ahead are empty.
      if (startMs > newestMs || (beforeId !== undefined && firstId >= beforeId)) continue;
      if (afterId !== undefined && endId <= afterId) break;
      const bounds = { userId, beforeId, afterId, replies, retweets };
      const parts = await Promise.all(
        stripes.map(({ baseId }) =>
          this.gizzard.read(
            this.gizzard.topology.route(tweetsTableId, baseId),
            deadline,
            (host: DatabaseHost, leaf, left) =>
              scanTweets(host, this.tables.at(leaf.shard).sql, bounds, count - tweets.length, left),
          ),
        ),
      );
      windowsRead++;
      tablesRead += stripes.length;
      const found = parts.flat().sort((a, b) => (a.id > b.id ? -1 : 1));
      tweets.push(...found.slice(0, count - tweets.length).map((record) => tweetOf(record)!));
    }
    this.#windowsRead('scan', windowsRead);
    return { tweets, windowsRead, windows: all.length, tablesRead };
  }

  async windows(): Promise<readonly WindowInfo[]> {
    const nowMs = await this.#clocks.journalMs();
    const { topology } = this.gizzard;
    return (await this.windowSet.stored()).map(({ startMs, endMs, firstId, stripes }) => ({
      startMs,
      endMs,
      firstId,
      phase: endMs <= nowMs ? 'closed' : startMs > nowMs ? 'ahead' : 'open',
      stripes: stripes.length,
      hosts: [
        ...new Set(
          stripes.flatMap(({ baseId }) =>
            topology.route(tweetsTableId, baseId).leaves.map((leaf) => leaf.shard.id.hostname),
          ),
        ),
      ].sort(),
    }));
  }

  droppedWindows(): Promise<readonly DroppedWindow[]> {
    return this.windowSet.droppedWindows();
  }

  /** The numbers of the graphs. Throws `FailedPrecondition` if tweets are not set up. */
  graphs(): TweetGraphs {
    return tweetGraphs(this.flock);
  }

  /** Stops rolling, and returns the worker number. The Gizzard stays open. */
  async stop(): Promise<void> {
    await this.roller.stop();
    await this.ids.close();
  }

  /** Closes the cluster that this is part of. */
  close(): Promise<void> {
    return this.flock.close();
  }

  async #setState(ids: BigInt64Array, state: number, options: TimedWriteOptions): Promise<void> {
    const deadline = deadlineOf(options);
    checkCount(ids.length);
    const { time } = options;
    if (time !== undefined) await checkTimes(this.gizzard, [time], deadline);
    for (const id of ids) checkId(id);
    await this.#refuseAhead([...ids]);
    const { windowMs } = await this.windowSet.policy();
    await this.windowSet.ensure([...ids], 'state', deadline);
    await this.#append(
      [],
      [],
      Array.from(ids, (id): StateChange => ({ id, state, time, notBefore: ownTime(id) })),
      windowMs,
      options,
      deadline,
    );
  }

  /** Journals tweets and the edges of their indexes together: all or nothing. */
  async #append(
    contents: readonly TweetContent[],
    mentions: readonly (readonly bigint[])[],
    states: readonly StateChange[],
    windowMs: number,
    options: WriteOptions,
    deadline: Deadline,
  ): Promise<void> {
    const graphs = this.graphs();
    const index = new IndexWrites(graphs);
    for (const content of contents) index.create(content);
    for (const [i, users] of mentions.entries())
      if (users.length > 0) index.mention(tweetGraph(this.flock, 'mentions'), contents[i]!, users);
    const places = { tableId: tweetsTableId, windowMs, graphs };
    const creations = contents.map((content) => ({ content }));
    const jobs: NewJob[] = [
      ...(await inTurns(chunks(creations, limits.tweetsPerJob), (some) => tweetJob(places, some, []))),
      ...(states.length === 0 ? [] : [tweetJob(places, [], states)]),
      ...index.jobs(),
      ...this.#alongside.flatMap((make) =>
        make({
          created: contents.map(({ id }) => id),
          deleted: states.filter(({ state }) => state === deleted).map(({ id, time }) => ({ id, time })),
          undeleted: states.filter(({ state }) => state === live).map(({ id, time }) => ({ id, time })),
        }).map((job) => ({ ...job, alongside: true })),
      ),
    ];
    await journalWrite(this.gizzard, jobs, { ...options, deadline });
  }

  async #page(
    graph: keyof TweetGraphs,
    sourceId: bigint,
    count: number,
    beforeId: bigint | undefined,
    afterId: bigint | undefined,
    states: readonly EdgeState[],
    options: ReadOptions,
  ): Promise<BigInt64Array> {
    const keptFrom = firstKeptId(this.gizzard.topology);
    const minPosition = afterId === undefined ? keptFrom : latest(keptFrom, afterId + 1n);
    const { ids } = await this.flock.select(
      {
        kind: 'term',
        term: {
          graphId: this.graphs()[graph],
          sourceId,
          direction: 'forward',
          states,
          ...(minPosition > 0n ? { minPosition } : {}),
          ...(beforeId === undefined ? {} : { maxPosition: beforeId - 1n }),
        },
      },
      { count, cursor: -1n },
      options,
    );
    return ids;
  }

  /** Rows by id from the databases, including deleted ones and those without content. */
  records(ids: Iterable<bigint>, deadline: Deadline): Promise<Map<bigint, TweetRecord>> {
    return this.#reader.records(ids, deadline);
  }

  /** Such rows through the cache, if there is one. */
  async #rows(ids: Iterable<bigint>, deadline: Deadline): Promise<ReadonlyMap<bigint, TweetRecord>> {
    const { caches } = this;
    if (caches === undefined) return this.records(ids, deadline);
    return caches.rows.get(await this.#reader.present(ids, deadline), deadline);
  }

  async #refuseAhead(ids: readonly bigint[]): Promise<void> {
    if (ids.length === 0) return;
    const nowMs = await this.#clocks.journalMs();
    for (const id of ids) {
      const aheadMs = isSnowflake(id) ? snowflakeTimeMs(id) - nowMs : 0;
      if (aheadMs > limits.idAheadToleranceMs)
        throw invalid(
          `id ${id} is of ${new Date(snowflakeTimeMs(id)).toISOString()}, ${Math.round(aheadMs / 1_000)} s from now`,
          { id },
        );
    }
  }

  /**
   * Refuses different content for an id of the same call, or of another one in progress here. Returns the contents
   * that nobody else has in progress.
   */
  #reserve(contents: readonly TweetContent[]): TweetContent[] {
    const fresh = new Map<bigint, TweetContent>();
    for (const content of contents) {
      const other = this.#recent.get(content.id) ?? fresh.get(content.id);
      if (other === undefined) fresh.set(content.id, content);
      else refuseOther(other, content);
    }
    for (const content of fresh.values()) this.#recent.add(content);
    return [...fresh.values()];
  }

  /** Refuses content for ids whose rows hold other content. */
  async #refuseOthers(contents: readonly TweetContent[], deadline: Deadline): Promise<void> {
    const rows = await this.records(
      contents.map(({ id }) => id),
      deadline,
    );
    for (const content of contents) {
      const written = rows.get(content.id)?.written;
      if (written !== undefined) refuseOther(written.content, content);
    }
  }
}

const invalid = (message: string, fields: Record<string, bigint> = {}): RoostError =>
  new RoostError('InvalidArgument', message, { fields });

const tweetJob = (...writes: Parameters<typeof encodeTweets>): NewJob => ({
  kind: tweetJobKind,
  ...encodeTweets(...writes),
});

const latest = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** The time of a tweet's creation, if its id tells it: changes are never earlier. */
const ownTime = (id: bigint): Micros => (isSnowflake(id) ? BigInt(snowflakeTimeMs(id)) * 1_000n : 0n);
