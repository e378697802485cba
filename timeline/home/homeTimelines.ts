import { snowflakeTimeMs } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import type { Tbird } from '../../tbird/index.js';
import type { ReadOptions } from '../../wire/index.js';
import { firstStep, type Behind, type BehindBounds, type Filling, type TimelineKind } from '../pages/timelineKind.js';
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
/** The journal's clock gives edges their times, and a server's clock tweets their ids. */
const clocksApartMs = 5_000;

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
    private readonly costs: DeliveryCosts,
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
    pulled: readonly bigint[] = [],
  ): Promise<HomeEntry[]> {
    const kept = [...entries, ...older];
    const live = new LiveTweets(this.tbird);
    const relations = new ReaderRelations(this.flock, this.graphs(), userId);
    await Promise.all([
      live.find([...kept.map(({ tweetId }) => tweetId), ...originalsOf(entries), ...pulled], options),
      relations.find(kept, options),
    ]);
    // Who a pulled tweet is by, and what it retweets, is known only now.
    const brought = live.entries(pulled);
    const wanted = [...entries, ...brought];
    await live.find(originalsOf(brought), options);
    const originals = live.entries(originalsOf(wanted));
    await relations.find([...brought, ...originals], options);
    const visible = (some: readonly HomeEntry[]) => this.#visible(userId, some, live, relations);
    const all = visible([...kept, ...brought]).sort((a, b) => newestFirst(a.tweetId, b.tweetId));
    const wantedIds = new Set(wanted.map(({ tweetId }) => tweetId));
    const shownOriginals = new Set(visible(originals).map(({ tweetId }) => tweetId));
    return withoutRepeats(all, shownOriginals).filter(({ tweetId }) => wantedIds.has(tweetId));
  }

  /** Those that the reader sees, repeated retweets too. A reply to somebody whom the reader follows only since was not delivered, and need not be there. */
  async due(userId: bigint, entries: readonly HomeEntry[], options: ReadOptions): Promise<HomeEntry[]> {
    const live = new LiveTweets(this.tbird);
    const graphs = this.graphs();
    const relations = new ReaderRelations(this.flock, graphs, userId);
    await Promise.all([
      live.find(
        entries.map(({ tweetId }) => tweetId),
        options,
      ),
      relations.find(entries, options),
    ]);
    const visible = this.#visible(userId, entries, live, relations);
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

  #visible(userId: bigint, entries: readonly HomeEntry[], live: LiveTweets, relations: ReaderRelations): HomeEntry[] {
    return entries.filter(
      (entry) =>
        live.has(entry.tweetId) &&
        readRules.every((rule) => rule(entry, userId, relations)) &&
        this.rules.every((rule) => rule(entry, userId)),
    );
  }

  /** The tweets of authors who are not pushed to the reader. */
  async pulled(authors: readonly bigint[], bounds: BehindBounds, options: ReadOptions): Promise<readonly bigint[]> {
    const { byUser } = this.graphs();
    return this.costs.pulling(authors.length, () => newestTweets(this.flock, byUser, authors, bounds, options));
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

/** Of a reply by somebody else, to a third user. */
const answersAnother = (
  entry: HomeEntry,
  readerId: bigint,
): entry is HomeEntry & { readonly replyToUserId: bigint } => {
  const { userId, replyToUserId } = entry;
  return replyToUserId !== undefined && userId !== readerId && replyToUserId !== userId && replyToUserId !== readerId;
};

const originalsOf = (entries: readonly HomeEntry[]): bigint[] =>
  entries.flatMap(({ retweetOfId }) => (retweetOfId === undefined ? [] : [retweetOfId]));

/** Tweets that are there and not deleted, as a read comes to need them. */
class LiveTweets {
  readonly #found = new Map<bigint, HomeEntry | undefined>();

  constructor(private readonly tbird: Tbird) {}

  async find(ids: readonly bigint[], options: ReadOptions): Promise<void> {
    const wanted = BigInt64Array.from(new Set(ids.filter((id) => !this.#found.has(id))));
    if (wanted.length === 0) return;
    const tweets = await this.tbird.get(wanted, options);
    for (const [i, tweet] of tweets.entries()) this.#found.set(wanted[i]!, tweet && homeEntryOf(tweet));
  }

  has(id: bigint): boolean {
    return this.#found.get(id) !== undefined;
  }

  entries(ids: Iterable<bigint>): HomeEntry[] {
    return [...new Set(ids)].flatMap((id) => this.#found.get(id) ?? []);
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
