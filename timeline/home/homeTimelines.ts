import { snowflakeTimeMs } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import type { Tbird } from '../../tbird/index.js';
import type { ReadOptions } from '../../wire/index.js';
import type { PageTweets } from '../pages/pageTweets.js';
import {
  firstStep,
  type Behind,
  type BehindBounds,
  type Beside,
  type Filling,
  type TimelineKind,
} from '../pages/timelineKind.js';
import { newestFirst } from '../entry.js';
import type { TimelineGraphs } from './audience.js';
import { followedBy, followedPage } from './followed.js';
import { homeEntry, homeEntryOf, readHomeEntry, type HomeEntry } from './homeEntry.js';
import { newestTweets, pastTweets } from './pastTweets.js';
import type { DeliveryCosts } from './deliveryCosts.js';
import { ReaderRelations, readRules, type ReadRule } from './visibility.js';

export const homePrefix = 'home:';
export const homeName = (userId: bigint): string => `${homePrefix}${userId}`;

/** Authors whose tweets one step of a rebuild merges. */
const authorsAtOnce = 2_000;
/**
 * The journal's clock gives edges their times, and a server's clock gives tweets their ids; bound on the difference.
 */
const clocksApartMs = 5_000;

/**
 * Home timelines: the tweets of those whom a user follows. The newest `timeline.keep` entries are kept as they are
 * delivered; beyond them pages continue from the authors' own indexes, with the same ids as cursors.
 *
 * A retweet is not shown if its original is. Of several retweets of one tweet the oldest kept one is shown; those
 * beyond the kept entries are compared with one another as far as one read covers them, so that a later page may show
 * the tweet once more.
 *
 * Entries that the rules deny are not shown from the next read on, whatever has been delivered. Reads throw as
 * `Timelines`.
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
    private readonly costs: DeliveryCosts,
  ) {}

  idOf({ tweetId }: HomeEntry): bigint {
    return tweetId;
  }

  /** The entries that the reader may see, whose tweets exist, and that show no tweet twice. */
  async shown(
    userId: bigint,
    entries: readonly HomeEntry[],
    { older, pulled, tweets }: Beside<HomeEntry>,
    options: ReadOptions,
  ): Promise<HomeEntry[]> {
    const kept = [...entries, ...older];
    const relations = new ReaderRelations(this.flock, this.graphs(), userId);
    await Promise.all([
      tweets.find([...kept.map(({ tweetId }) => tweetId), ...pulled], options),
      tweets.findRows([...originalsOf(entries), ...pulled], options),
      relations.find(kept, options),
    ]);
    // The author of a pulled tweet, and the tweet that it retweets, are known only now.
    const brought = tweets.rows(pulled).map(homeEntryOf);
    const wanted = [...entries, ...brought];
    await tweets.findRows(originalsOf(brought), options);
    const originals = tweets.rows(originalsOf(wanted)).map(homeEntryOf);
    await relations.find([...brought, ...originals], options);
    const visible = (some: readonly HomeEntry[]) => this.#visible(userId, some, relations);
    const live = [...kept, ...brought].filter(({ tweetId }) => tweets.has(tweetId));
    const all = visible(live).sort((a, b) => newestFirst(a.tweetId, b.tweetId));
    const wantedIds = new Set(wanted.map(({ tweetId }) => tweetId));
    const shownOriginals = new Set(visible(originals).map(({ tweetId }) => tweetId));
    return withoutRepeats(all, shownOriginals).filter(({ tweetId }) => wantedIds.has(tweetId));
  }

  /**
   * The entries that the reader may see, including repeated retweets. A reply to somebody whom the reader followed
   * later was not delivered, and may be absent.
   */
  async due(
    userId: bigint,
    entries: readonly HomeEntry[],
    tweets: PageTweets,
    options: ReadOptions,
  ): Promise<HomeEntry[]> {
    const graphs = this.graphs();
    const relations = new ReaderRelations(this.flock, graphs, userId);
    await Promise.all([
      tweets.find(
        entries.map(({ tweetId }) => tweetId),
        options,
      ),
      relations.find(entries, options),
    ]);
    const live = entries.filter(({ tweetId }) => tweets.has(tweetId));
    const visible = this.#visible(userId, live, relations);
    const answered = BigInt64Array.from(
      new Set(visible.flatMap((entry) => (answersAnother(entry, userId) ? entry.replyToUserId : []))),
    );
    if (answered.length === 0) return visible;
    const readers = new BigInt64Array(answered.length).fill(userId);
    const edges = await this.flock.edges(graphs.follows, readers, answered, options);
    const followedSinceMs = new Map(edges.map((edge, i) => [answered[i]!, Number((edge?.updatedAt ?? 0n) / 1_000n)]));
    return visible.filter(
      (entry) =>
        !answersAnother(entry, userId) ||
        snowflakeTimeMs(entry.tweetId) > followedSinceMs.get(entry.replyToUserId)! + clocksApartMs,
    );
  }

  #visible(userId: bigint, entries: readonly HomeEntry[], relations: ReaderRelations): HomeEntry[] {
    return entries.filter(
      (entry) =>
        readRules.every((rule) => rule(entry, userId, relations)) && this.rules.every((rule) => rule(entry, userId)),
    );
  }

  /** The tweets of authors who are not pushed to the reader. */
  async pulled(authors: readonly bigint[], bounds: BehindBounds, options: ReadOptions): Promise<readonly bigint[]> {
    const { byUser } = this.graphs();
    return this.costs.pulling(authors.length, () => newestTweets(this.flock, byUser, authors, bounds, options));
  }

  /** The tweets of the reader's authors, from their indexes. */
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

  /** A step adds the newest tweets of a page of authors. */
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

/** Whether it is a reply by another author to a third user. */
const answersAnother = (
  entry: HomeEntry,
  readerId: bigint,
): entry is HomeEntry & { readonly replyToUserId: bigint } => {
  const { userId, replyToUserId } = entry;
  return replyToUserId !== undefined && userId !== readerId && replyToUserId !== userId && replyToUserId !== readerId;
};

const originalsOf = (entries: readonly HomeEntry[]): bigint[] =>
  entries.flatMap(({ retweetOfId }) => (retweetOfId === undefined ? [] : [retweetOfId]));

/**
 * Drops retweets whose originals are shown, and those with an older retweet of the same tweet after them. Takes and
 * returns entries newest first.
 */
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
