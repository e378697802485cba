import { setTimeout as sleep } from 'node:timers/promises';
import { type Deadline, limits, parseCount, parseId } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import type { Tbird } from '../../tbird/index.js';
import { deadlineOf, type HomeRequest, type ReadOptions, until } from '../../wire/index.js';
import { keyOf, type Entry } from '../entry.js';
import type { ListPage, PageBounds } from '../lists/timelineLists.js';
import type { Timelines } from '../timelines.js';
import type { TimelineGraphs } from './audience.js';
import { followedBy } from './followed.js';
import { homeEntryOf, readHomeEntry, type HomeEntry } from './homeEntry.js';
import { pastTweets } from './pastTweets.js';
import { visible, type ReadRule } from './visibility.js';

/** A page of a home timeline, newest first. */
export interface HomePage {
  readonly entries: readonly HomeEntry[];
  /** Whether tweets may be missing, since the timeline is still being rebuilt: another read, a moment later, has them. */
  readonly partial: boolean;
  /** Where the next page begins; absent at the end. */
  readonly nextBeforeId?: bigint;
}

export const homePrefix = 'home:';
export const homeName = (userId: bigint): string => `${homePrefix}${userId}`;

/** Entries read at once beyond those that are wanted, since rules may leave some out. */
const spare = 10;
/** Rounds of one page. Each looks at more entries; a page whose rules leave nearly all of them out ends short, and its reader goes on from its last id. */
const maxRounds = 32;
/** A reader waits no longer than this for a timeline that is being rebuilt, and gets what there is. */
const rebuildWaitMs = 2_000;
const firstPollMs = 4;
const maxPollMs = 64;
/** How long one reader has for asking for a rebuild before another may. */
const rebuildLeaseMs = 10_000;

/**
 * Home timelines: what those whom a user follows have tweeted. The newest `timeline.keep` entries of each are kept as they are delivered; behind them pages go on
 * from the authors' own indexes, with the same ids as cursors.
 *
 * A retweet is not shown where its original is. Of several retweets of one tweet the oldest of those that are kept is shown; those behind them are compared with one another as far as one read
 * looks at them together, so that a later page may show the tweet once more.
 *
 * What the rules deny is not seen from the next read on, whatever has been delivered. Reads throw as `Timelines` does.
 */
export class HomeTimelines {
  constructor(
    private readonly timelines: Timelines,
    private readonly flock: Flock,
    private readonly tbird: Tbird,
    private readonly graphs: () => TimelineGraphs & { readonly byUser: number },
    private readonly rules: readonly ReadRule[],
    private readonly askForRebuild: (userId: bigint, deadline: Deadline) => Promise<void>,
  ) {}

  /** A page; shorter than asked for only at the end, where it is `partial`, or where the rules have left out very many. */
  async page(request: HomeRequest, options: ReadOptions = {}): Promise<HomePage> {
    parseId(request.userId);
    parseCount(request.count, 'count', 1, limits.pageSize);
    const deadline = deadlineOf(options);
    const within = (): ReadOptions => ({ ...options, ...until(deadline) });
    const { userId, count, sinceId } = request;
    const found: HomeEntry[] = [];
    let { beforeId } = request;
    let partial = false;
    let kept = true;
    let end = false;
    for (let round = 0; round < maxRounds && found.length < count && !end; round++) {
      const wanted = (count - found.length + spare) << Math.min(round, 4);
      const bounds = { before: beforeId, since: sinceId, limit: Math.min(wanted, limits.pageSize) };
      let stretch: Stretch;
      if (kept) {
        const list = await this.#list(userId, { ...bounds, older: true }, deadline);
        partial ||= list.through !== 'all';
        stretch = stretchOf(list, bounds.limit);
        kept = !list.end;
      } else stretch = await this.#behind(userId, { before: beforeId, since: sinceId, count: bounds.limit }, within());
      beforeId = stretch.last ?? beforeId;
      found.push(...(await this.#shown(userId, stretch, within())));
      ({ end } = stretch);
    }
    const next = found.length > count ? found[count - 1]!.tweetId : end ? undefined : beforeId;
    return { entries: found.slice(0, count), partial, ...(next !== undefined && { nextBeforeId: next }) };
  }

  /** Those of the entries that the reader sees, whose tweets are there, and that show no tweet a second time. */
  async #shown(userId: bigint, { entries, older }: Stretch, options: ReadOptions): Promise<HomeEntry[]> {
    if (entries.length === 0) return [];
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
  async #behind(
    userId: bigint,
    bounds: { readonly before?: bigint | undefined; readonly since?: bigint | undefined; readonly count: number },
    options: ReadOptions,
  ): Promise<Stretch> {
    const { follows, byUser } = this.graphs();
    const authors = [userId, ...(await followedBy(this.flock, follows, userId, options))];
    const ids = await pastTweets(this.flock, byUser, authors, bounds, options);
    const tweets = await this.tbird.get(BigInt64Array.from(ids), { ...options, deleted: true });
    return {
      entries: tweets.filter((tweet) => tweet !== undefined).map(homeEntryOf),
      older: [],
      last: ids.at(-1),
      end: ids.length < bounds.count,
    };
  }

  /** The kept entries. A timeline that is missing is rebuilt first: one reader asks for it, the others wait, for a bounded time. */
  async #list(userId: bigint, bounds: PageBounds, deadline: Deadline): Promise<ListPage> {
    const name = homeName(userId);
    const giveUp = deadline.within(Math.min(rebuildWaitMs, deadline.remainingMs() / 2));
    for (let pollMs = firstPollMs; ; pollMs = Math.min(pollMs * 2, maxPollMs)) {
      const page = await this.timelines.pageWithin(name, bounds, deadline);
      if (page !== undefined && page.through === 'all') return page;
      if (page === undefined && (await this.timelines.lease(name, rebuildLeaseMs, deadline)))
        await this.askForRebuild(userId, deadline);
      if (giveUp.passed) return page ?? { entries: [], older: [], through: undefined, end: true, whole: false };
      await sleep(pollMs);
    }
  }
}

/** Entries that follow one another, newest first. */
interface Stretch {
  readonly entries: readonly HomeEntry[];
  /** Older ones that are known to retweet the same as some of them. */
  readonly older: readonly HomeEntry[];
  /** The id to go on before. */
  readonly last: bigint | undefined;
  /** Whether the reader has reached the end, or what they have seen already. */
  readonly end: boolean;
}

function stretchOf({ entries, older, through, end, whole }: ListPage, limit: number): Stretch {
  const read = (some: readonly Entry[]): HomeEntry[] => some.map(readHomeEntry).filter((entry) => entry !== undefined);
  const last = entries.at(-1);
  return {
    entries: read(entries),
    older: read(older).reverse(),
    last: last && keyOf(last),
    end: end ? whole && through === 'all' : entries.length < limit,
  };
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
