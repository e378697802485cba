import { inParallel } from '../../core/index.js';
import type { Edge, Flock } from '../../flock/index.js';
import type { Tbird } from '../../tbird/index.js';
import type { Activity, ActivityKind, ReadOptions } from '../../wire/index.js';
import { pastTweets } from '../home/pastTweets.js';
import { tweetsById } from '../kinds/tweetsById.js';
import type { BehindBounds } from '../pages/timelineKind.js';
import type { StoredGraphs } from '../timelineGraphs.js';
import { activityIdAt, firstActivityIdAt, firstPositionAfter, lastPositionBefore } from './activityEntry.js';
import { activityOfTweet, authorsOfOriginals } from './activityOfTweets.js';

/** Tweets whose favorites are read concurrently. */
const tweetsAtOnce = 32;

/** The newest activity of a source, newest first. */
export interface SomeActivity {
  readonly activity: readonly Activity[];
  /** Below this id the list may be incomplete; undefined if it is complete. */
  readonly floor: bigint | undefined;
}

/** Reads from the graphs what happened to users and their tweets. */
export class ActivitySource {
  constructor(
    private readonly flock: Flock,
    private readonly tbird: Tbird,
    private readonly graphs: () => StoredGraphs,
  ) {}

  /** Follows of a user, and tweets that mention them. */
  async ofUser(userId: bigint, bounds: BehindBounds, options: ReadOptions): Promise<SomeActivity> {
    const { follows, mentions } = this.graphs();
    const [followed, named] = await Promise.all([
      this.#ofEdges('followed', follows, userId, userId, bounds, options),
      this.#past(mentions, [userId], bounds, options),
    ]);
    return newestOf([followed, await this.#ofTweets(userId, named, true, bounds, options)], bounds.count);
  }

  /** Favorites, retweets and replies of some of a user's tweets. */
  async onTweets(
    userId: bigint,
    tweetIds: readonly bigint[],
    bounds: BehindBounds,
    options: ReadOptions,
  ): Promise<SomeActivity> {
    if (tweetIds.length === 0) return { activity: [], floor: undefined };
    const { replies, retweets } = this.graphs();
    const [favorites, ...tweets] = await Promise.all([
      this.#favorites(userId, tweetIds, bounds, options),
      this.#past(replies, tweetIds, bounds, options),
      this.#past(retweets, tweetIds, bounds, options),
    ]);
    const others = await Promise.all(tweets.map((ids) => this.#ofTweets(userId, ids, false, bounds, options)));
    return newestOf([favorites, ...others], bounds.count);
  }

  async #favorites(
    userId: bigint,
    tweetIds: readonly bigint[],
    bounds: BehindBounds,
    options: ReadOptions,
  ): Promise<SomeActivity> {
    const { favorites } = this.graphs();
    let parts: SomeActivity[] = [{ activity: [], floor: undefined }];
    if (favorites === undefined) return parts[0]!;
    const counts = await this.flock.counts(favorites, 'backward', BigInt64Array.from(tweetIds), options);
    const marked = tweetIds.filter((_, i) => counts[i]!.normal > 0n);
    await inParallel(marked, tweetsAtOnce, async (tweetId) => {
      // Activity older than everything wanted is not read.
      const since = parts[0]!.floor ?? bounds.since;
      const part = await this.#ofEdges('favorited', favorites, tweetId, userId, { ...bounds, since }, options);
      parts.push(part);
      if (parts.length > tweetsAtOnce) parts = [newestOf(parts, bounds.count)];
    });
    return newestOf(parts, bounds.count);
  }

  /** Edges that lead to a node: the user, or one of their tweets. */
  async #ofEdges(
    kind: ActivityKind,
    graphId: number,
    nodeId: bigint,
    userId: bigint,
    { before, since, count }: BehindBounds,
    options: ReadOptions,
  ): Promise<SomeActivity> {
    const { edges } = await this.flock.selectEdges(
      {
        graphId,
        sourceId: nodeId,
        direction: 'backward',
        states: ['normal'],
        minPosition: firstPositionAfter(since),
        maxPosition: lastPositionBefore(before),
      },
      { count, cursor: -1n },
      options,
    );
    const activity = edges.flatMap(({ destinationId: actorId, position }): Activity[] => {
      const id = activityIdAt(position, kind, actorId, nodeId);
      if (id === undefined || actorId === userId || !within(id, before, since)) return [];
      return [{ id, kind, actorId, ...(kind === 'favorited' && { tweetId: nodeId }) }];
    });
    return { activity, floor: edges.length < count ? undefined : floorOf(edges) };
  }

  async #ofTweets(
    userId: bigint,
    ids: readonly bigint[],
    names: boolean,
    { count }: BehindBounds,
    options: ReadOptions,
  ): Promise<SomeActivity> {
    const tweets = [...(await tweetsById(this.tbird, ids, options)).values()];
    const authors = await authorsOfOriginals(this.tbird, tweets, options);
    return {
      activity: tweets.flatMap((tweet) => activityOfTweet(tweet, userId, authors, names) ?? []),
      floor: ids.length < count ? undefined : ids.at(-1),
    };
  }

  async #past(graphId: number | undefined, ids: readonly bigint[], bounds: BehindBounds, options: ReadOptions) {
    return graphId === undefined ? [] : pastTweets(this.flock, graphId, ids, bounds, options);
  }
}

/** The newest of several parts, each once. */
export function newestOf(parts: readonly SomeActivity[], count: number): SomeActivity {
  const byId = new Map(parts.flatMap(({ activity }) => activity).map((one) => [one.id, one]));
  const floors = parts.flatMap(({ floor }) => floor ?? []);
  let floor = floors.length === 0 ? undefined : floors.reduce((most, one) => (one > most ? one : most));
  const activity = [...byId.values()].sort((a, b) => (a.id > b.id ? -1 : 1));
  const last = activity[count - 1]?.id;
  if (last !== undefined && (floor === undefined || last > floor)) floor = last;
  return { activity: floor === undefined ? activity : activity.filter(({ id }) => id >= floor), floor };
}

/**
 * The position below which not all edges were read. Edges of one position fill a page at most: more at one
 * microsecond is beyond what anybody reads.
 */
function floorOf(edges: readonly Edge[]): bigint {
  const [first, last] = [edges[0]!.position, edges.at(-1)!.position];
  return firstActivityIdAt(first === last ? last : last + 1n);
}

const within = (id: bigint, before: bigint | undefined, since: bigint | undefined): boolean =>
  (before === undefined || id < before) && (since === undefined || id > since);
