import { limits } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import type { Tbird } from '../../tbird/index.js';
import type { Activity, ReadOptions } from '../../wire/index.js';
import { blockedWith } from '../kinds/blockedWith.js';
import { tweetsById } from '../kinds/tweetsById.js';
import {
  firstStep,
  noStep,
  type Behind,
  type BehindBounds,
  type Filling,
  type TimelineKind,
} from '../pages/timelineKind.js';
import type { StoredGraphs } from '../timelineGraphs.js';
import { activityEntry, activityIdAt, readActivityEntry } from './activityEntry.js';
import { newestOf, type ActivitySource, type SomeActivity } from './activitySource.js';

/** Tweets of a user whose activity is looked up together. */
const tweetsAtOnce = 1_000;

/**
 * What others did to a user and their tweets: favorites, retweets, replies, mentions and follows. A tweet counts as
 * one activity: retweet before reply before mention. From the next read on, activity that no longer holds is not
 * shown: edges that were taken back or made anew, deleted tweets, users one of whom blocks the other.
 */
export class ActivityTimelines implements TimelineKind<Activity> {
  readonly prefix = 'activity:';
  readonly itemOf = readActivityEntry;

  constructor(
    private readonly flock: Flock,
    private readonly tbird: Tbird,
    private readonly source: ActivitySource,
    private readonly graphs: () => StoredGraphs,
  ) {}

  idOf({ id }: Activity): bigint {
    return id;
  }

  async shown(userId: bigint, items: readonly Activity[], _beside: unknown, options: ReadOptions): Promise<Activity[]> {
    const { follows, favorites, mentions, blocks } = this.graphs();
    const of = (kind: Activity['kind']) => items.filter((item) => item.kind === kind);
    const named = of('mentioned');
    const [blocked, tweets, followed, marked, mentioned] = await Promise.all([
      blockedWith(
        this.flock,
        blocks,
        userId,
        items.map(({ actorId }) => actorId),
        options,
      ),
      tweetsById(
        this.tbird,
        items.flatMap(({ id, kind, tweetId }) => [...(isTweet(kind) ? [id] : []), ...(tweetId ? [tweetId] : [])]),
        options,
      ),
      this.#standing(follows, of('followed'), () => userId, options),
      this.#standing(favorites, of('favorited'), ({ tweetId }) => tweetId!, options),
      mentions === undefined
        ? []
        : this.flock.states(
            mentions,
            new BigInt64Array(named.length).fill(userId),
            BigInt64Array.from(named, ({ id }) => id),
            options,
          ),
    ]);
    const standing = new Set([...followed, ...marked, ...named.filter((_, i) => mentioned[i] === 'normal')]);
    return items.filter((item) => {
      const { id, kind, actorId, tweetId } = item;
      if (blocked.has(actorId)) return false;
      if (tweetId !== undefined && tweets.get(tweetId)?.userId !== userId) return false;
      if (isTweet(kind) && !tweets.has(id)) return false;
      return kind === 'retweeted' || kind === 'replied' || standing.has(item);
    });
  }

  async behind(userId: bigint, bounds: BehindBounds, options: ReadOptions): Promise<Behind<Activity>> {
    let found = await this.source.ofUser(userId, bounds, options);
    // Activity on a tweet is later than the tweet.
    let beforeId = bounds.before;
    for (let looked = 0; looked < limits.followedPerRead; looked += tweetsAtOnce) {
      const tweetIds = await this.#tweets(userId, beforeId, options);
      const since = found.floor ?? bounds.since;
      const on = await this.source.onTweets(userId, tweetIds, { ...bounds, since }, options);
      found = newestOf([found, on], bounds.count);
      if (tweetIds.length < tweetsAtOnce) break;
      beforeId = tweetIds.at(-1);
    }
    return { items: found.activity, last: found.floor, end: found.floor === undefined };
  }

  /**
   * The first step adds what happened to the user, each further one what happened to some of their tweets, newest
   * first.
   */
  async fill(userId: bigint, cursor: bigint, keep: number, options: ReadOptions): Promise<Filling> {
    const beforeId = cursor === firstStep ? undefined : cursor;
    const tweetIds = await this.#tweets(userId, beforeId, options);
    const parts: Promise<SomeActivity>[] = [this.source.onTweets(userId, tweetIds, { count: keep }, options)];
    if (cursor === firstStep) parts.push(this.source.ofUser(userId, { count: keep }, options));
    const { activity, floor } = newestOf(await Promise.all(parts), keep);
    return {
      entries: activity.map(activityEntry),
      floor,
      nextCursor: tweetIds.length < tweetsAtOnce ? noStep : tweetIds.at(-1)!,
    };
  }

  async #tweets(userId: bigint, beforeId: bigint | undefined, options: ReadOptions): Promise<bigint[]> {
    const before = beforeId === undefined ? {} : { beforeId };
    return [...(await this.tbird.timeline({ userId, count: tweetsAtOnce, ...before }, options))];
  }

  /** The entries whose edge still exists as it was when it gave the activity its id. */
  async #standing(
    graphId: number | undefined,
    items: readonly Activity[],
    objectOf: (item: Activity) => bigint,
    options: ReadOptions,
  ): Promise<Activity[]> {
    if (graphId === undefined || items.length === 0) return [];
    const [actors, objects] = [
      BigInt64Array.from(items, ({ actorId }) => actorId),
      BigInt64Array.from(items, objectOf),
    ];
    const edges = await this.flock.edges(graphId, actors, objects, options);
    return items.filter(({ id, kind, actorId }, i) => {
      const edge = edges[i];
      return edge?.state === 'normal' && activityIdAt(edge.position, kind, actorId, objects[i]!) === id;
    });
  }
}

const isTweet = (kind: Activity['kind']): boolean => kind !== 'favorited' && kind !== 'followed';
