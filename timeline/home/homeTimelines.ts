import type { Flock } from '../../flock/index.js';
import type { Tbird } from '../../tbird/index.js';
import type { ReadOptions } from '../../wire/index.js';
import { firstStep, type Behind, type BehindBounds, type Filling, type TimelineKind } from '../pages/timelineKind.js';
import type { TimelineGraphs } from './audience.js';
import { followedBy, followedPage } from './followed.js';
import { homeEntry, homeEntryOf, readHomeEntry, type HomeEntry } from './homeEntry.js';
import { pastTweets } from './pastTweets.js';
import { visible, type ReadRule } from './visibility.js';

export const homePrefix = 'home:';
export const homeName = (userId: bigint): string => `${homePrefix}${userId}`;

/** Authors whose tweets one step of a rebuild merges. */
const authorsAtOnce = 2_000;

/**
 * Home timelines: what those whom a user follows have tweeted. The newest `timeline.keep` entries of each are kept as they are delivered; behind them pages go on
 * from the authors' own indexes, with the same ids as cursors.
 *
 * A retweet is not shown where its original is. Of several retweets of one tweet the oldest of those that are kept is shown; those behind them are compared with one another as far as one read
 * looks at them together, so that a later page may show the tweet once more.
 *
 * What the rules deny is not seen from the next read on, whatever has been delivered. Reads throw as `Timelines` does.
 */
export class HomeTimelines implements TimelineKind<HomeEntry> {
  readonly prefix = homePrefix;
  readonly older = true;
  readonly itemOf = readHomeEntry;

  constructor(
    private readonly flock: Flock,
    private readonly tbird: Tbird,
    private readonly graphs: () => TimelineGraphs & { readonly byUser: number },
    private readonly rules: readonly ReadRule[],
  ) {}

  idOf({ tweetId }: HomeEntry): bigint {
    return tweetId;
  }

  /** Those of the entries that the reader sees, whose tweets are there, and that show no tweet a second time. */
  async shown(
    userId: bigint,
    entries: readonly HomeEntry[],
    older: readonly HomeEntry[],
    options: ReadOptions,
  ): Promise<HomeEntry[]> {
    const all = [...entries, ...older];
    const originals = new Set(entries.flatMap(({ retweetOfId }) => (retweetOfId === undefined ? [] : [retweetOfId])));
    const ids = BigInt64Array.from(new Set([...all.map(({ tweetId }) => tweetId), ...originals]));
    const [allowed, tweets] = await Promise.all([this.#visible(userId, all, options), this.tbird.get(ids, options)]);
    const live = new Map(tweets.flatMap((tweet) => (tweet === undefined ? [] : [[tweet.id, tweet]])));
    const originalEntries = [...originals].flatMap((id) => live.get(id) ?? []).map(homeEntryOf);
    const shownOriginals = await this.#visible(userId, originalEntries, options);
    const shown = allowed.filter(({ tweetId }) => live.has(tweetId));
    return withoutRepeats(shown, new Set(shownOriginals.map(({ tweetId }) => tweetId))).filter(
      ({ tweetId }) => tweetId >= entries.at(-1)!.tweetId,
    );
  }

  #visible(userId: bigint, entries: readonly HomeEntry[], options: ReadOptions): Promise<HomeEntry[]> {
    return visible(this.flock, this.graphs(), this.rules, userId, entries, options);
  }

  /** What the reader's authors have tweeted, from their indexes. */
  async behind(userId: bigint, bounds: BehindBounds, options: ReadOptions): Promise<Behind<HomeEntry>> {
    const { follows, byUser } = this.graphs();
    const authors = [userId, ...(await followedBy(this.flock, follows, userId, options))];
    const ids = await pastTweets(this.flock, byUser, authors, bounds, options);
    const tweets = await this.tbird.get(BigInt64Array.from(ids), { ...options, deleted: true });
    return {
      items: tweets.filter((tweet) => tweet !== undefined).map(homeEntryOf),
      last: ids.at(-1),
      end: ids.length < bounds.count,
    };
  }

  /** A step fills in the newest tweets of a page of authors. */
  async fill(userId: bigint, cursor: bigint, keep: number, options: ReadOptions): Promise<Filling> {
    const { follows, byUser } = this.graphs();
    const followed = await followedPage(this.flock, follows, userId, { count: authorsAtOnce, cursor }, options);
    const authors = cursor === firstStep ? [userId, ...followed.ids] : [...followed.ids];
    const ids = await pastTweets(this.flock, byUser, authors, { count: keep }, options);
    const tweets = await this.tbird.get(BigInt64Array.from(ids), options);
    return {
      entries: tweets.filter((tweet) => tweet !== undefined).map(homeEntry),
      floor: ids.length < keep ? undefined : ids.at(-1),
      nextCursor: followed.nextCursor,
    };
  }
}

/** Leaves out retweets whose originals are shown, and those that have older ones of the same tweet behind them. Takes and returns entries newest first. */
function withoutRepeats(entries: readonly HomeEntry[], shownOriginals: ReadonlySet<bigint>): HomeEntry[] {
  const retweeted = new Set<bigint>();
  return entries
    .toReversed()
    .filter(({ retweetOfId }) => {
      if (retweetOfId === undefined) return true;
      if (shownOriginals.has(retweetOfId) || retweeted.has(retweetOfId)) return false;
      retweeted.add(retweetOfId);
      return true;
    })
    .reverse();
}
