import type { Flock } from '../../flock/index.js';
import type { Tbird } from '../../tbird/index.js';
import type { ReadOptions } from '../../wire/index.js';
import { homeEntry, homeEntryOf, readHomeEntry, type HomeEntry } from '../home/homeEntry.js';
import { pastTweets } from '../home/pastTweets.js';
import {
  noStep,
  type Behind,
  type BehindBounds,
  type Beside,
  type Filling,
  type TimelineKind,
} from '../pages/timelineKind.js';
import type { StoredGraphs } from '../timelineGraphs.js';
import { blockedWith } from './blockedWith.js';
import { tweetsById } from './tweetsById.js';

/**
 * The tweets that mention a user, except those between users one of whom blocks the other. Beyond the kept ones they
 * come from the graph of mentions.
 */
export class MentionTimelines implements TimelineKind<HomeEntry> {
  readonly prefix = 'mentions:';
  readonly itemOf = readHomeEntry;

  constructor(
    private readonly flock: Flock,
    private readonly tbird: Tbird,
    private readonly graphs: () => StoredGraphs,
  ) {}

  idOf({ tweetId }: HomeEntry): bigint {
    return tweetId;
  }

  async shown(
    userId: bigint,
    items: readonly HomeEntry[],
    { tweets }: Beside<HomeEntry>,
    options: ReadOptions,
  ): Promise<HomeEntry[]> {
    const { mentions, blocks } = this.graphs();
    if (mentions === undefined) return [];
    const ids = BigInt64Array.from(items, ({ tweetId }) => tweetId);
    const users = new BigInt64Array(ids.length).fill(userId);
    const [states, blocked] = await Promise.all([
      this.flock.states(mentions, users, ids, options),
      blockedWith(
        this.flock,
        blocks,
        userId,
        items.map((item) => item.userId),
        options,
      ),
      tweets.find(ids, options),
    ]);
    return items.filter((item, i) => tweets.has(item.tweetId) && states[i] === 'normal' && !blocked.has(item.userId));
  }

  async behind(userId: bigint, bounds: BehindBounds, options: ReadOptions): Promise<Behind<HomeEntry>> {
    const ids = await this.#past(userId, bounds, options);
    const tweets = await tweetsById(this.tbird, ids, { ...options, deleted: true });
    return { items: [...tweets.values()].map(homeEntryOf), last: ids.at(-1), end: ids.length < bounds.count };
  }

  async fill(userId: bigint, _cursor: bigint, keep: number, options: ReadOptions): Promise<Filling> {
    const ids = await this.#past(userId, { count: keep }, options);
    const tweets = await tweetsById(this.tbird, ids, options);
    return {
      entries: [...tweets.values()].map(homeEntry),
      floor: ids.length < keep ? undefined : ids.at(-1),
      nextCursor: noStep,
    };
  }

  async #past(userId: bigint, bounds: BehindBounds, options: ReadOptions): Promise<bigint[]> {
    const { mentions } = this.graphs();
    return mentions === undefined ? [] : pastTweets(this.flock, mentions, [userId], bounds, options);
  }
}
