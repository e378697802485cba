import { limits } from '../../core/index.js';
import type { Tbird } from '../../tbird/index.js';
import type { ReadOptions } from '../../wire/index.js';
import { homeEntry, homeEntryOf, readHomeEntry, type HomeEntry } from '../home/homeEntry.js';
import {
  noStep,
  type Behind,
  type BehindBounds,
  type Beside,
  type Filling,
  type TimelineKind,
} from '../pages/timelineKind.js';
import { tweetsById } from './tweetsById.js';

/**
 * An author's own tweets: originals, replies and retweets. Beyond the kept ones they come from the author's index.
 */
export class AuthorTimelines implements TimelineKind<HomeEntry> {
  readonly prefix = 'user:';
  readonly itemOf = readHomeEntry;

  constructor(private readonly tbird: Tbird) {}

  idOf({ tweetId }: HomeEntry): bigint {
    return tweetId;
  }

  async shown(
    userId: bigint,
    items: readonly HomeEntry[],
    { tweets }: Beside<HomeEntry>,
    options: ReadOptions,
  ): Promise<HomeEntry[]> {
    await tweets.find(
      items.map(({ tweetId }) => tweetId),
      options,
    );
    return items.filter((item) => item.userId === userId && tweets.has(item.tweetId));
  }

  async behind(
    userId: bigint,
    { before, since, count }: BehindBounds,
    options: ReadOptions,
  ): Promise<Behind<HomeEntry>> {
    const bounds = {
      ...(before !== undefined && { beforeId: before }),
      ...(since !== undefined && { afterId: since }),
    };
    const ids = await this.tbird.timeline({ userId, count, ...bounds }, options);
    const tweets = await tweetsById(this.tbird, ids, { ...options, deleted: true });
    return { items: [...tweets.values()].map(homeEntryOf), last: ids.at(-1), end: ids.length < count };
  }

  async fill(userId: bigint, _cursor: bigint, keep: number, options: ReadOptions): Promise<Filling> {
    const ids = await this.tbird.timeline({ userId, count: Math.min(keep, limits.pageSize) }, options);
    const tweets = await tweetsById(this.tbird, ids, options);
    return {
      entries: [...tweets.values()].map(homeEntry),
      floor: ids.length < keep ? undefined : ids.at(-1),
      nextCursor: noStep,
    };
  }
}
