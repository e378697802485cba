import { setTimeout as sleep } from 'node:timers/promises';
import { type Deadline, limits, parseCount, parseId } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import type { Tbird } from '../../tbird/index.js';
import { deadlineOf, type ReadOptions } from '../../wire/index.js';
import { keyOf } from '../entry.js';
import type { ListPage } from '../lists/timelineLists.js';
import type { Timelines } from '../timelines.js';
import type { TimelineGraphs } from './audience.js';
import { followedBy } from './followed.js';
import { readHomeEntry, type HomeEntry } from './homeEntry.js';
import { newestFirst, pastTweets } from './pastTweets.js';
import { visible, type ReadRule } from './visibility.js';

export interface HomeRequest {
  readonly userId: bigint;
  /** 1 … limits.pageSize. */
  readonly count: number;
  /** Only tweets with smaller ids. */
  readonly beforeId?: bigint;
  /** Only tweets with greater ids. */
  readonly sinceId?: bigint;
}

/** A page of a home timeline, newest first. */
export interface HomePage {
  readonly entries: readonly HomeEntry[];
  /** Whether tweets may be missing, since the timeline is still being rebuilt: another read, a moment later, has them. */
  readonly partial: boolean;
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

  /** A page; shorter than asked for only at the end, or where it is `partial`. */
  async page(request: HomeRequest, options: ReadOptions = {}): Promise<HomePage> {
    parseId(request.userId);
    parseCount(request.count, 'count', 1, limits.pageSize);
    const deadline = deadlineOf(options);
    const within = (): ReadOptions => ({ ...options, deadlineMs: Math.max(1, Math.ceil(deadline.remainingMs())) });
    const { userId, count, sinceId } = request;
    const found: HomeEntry[] = [];
    let { beforeId } = request;
    let partial = false;
    let kept = true;
    for (let round = 0; round < maxRounds && found.length < count; round++) {
      const wanted = (count - found.length + spare) << Math.min(round, 4);
      const bounds = { before: beforeId, since: sinceId, limit: Math.min(wanted, limits.pageSize) };
      let entries: readonly HomeEntry[];
      let end = false;
      if (kept) {
        const list = await this.#list(userId, bounds, deadline);
        partial ||= list.through !== 'all';
        kept = !list.end;
        entries = list.entries.map(readHomeEntry).filter((entry) => entry !== undefined);
        const last = list.entries.at(-1);
        if (last !== undefined) beforeId = keyOf(last);
        if (!list.end && list.entries.length < bounds.limit) end = true;
      } else {
        entries = await this.#behind(userId, { before: beforeId, since: sinceId, count: bounds.limit }, within());
        end = entries.length < bounds.limit;
        if (entries.length > 0) beforeId = entries.at(-1)!.tweetId;
      }
      found.push(...(await this.#shown(userId, entries, within())));
      if (end) break;
    }
    return { entries: found.slice(0, count), partial };
  }

  /** Those of the entries that the reader sees, and whose tweets are there. */
  async #shown(userId: bigint, entries: readonly HomeEntry[], options: ReadOptions): Promise<HomeEntry[]> {
    if (entries.length === 0) return [];
    const [allowed, tweets] = await Promise.all([
      visible(this.flock, this.graphs(), this.rules, userId, entries, options),
      this.tbird.get(
        BigInt64Array.from(entries, ({ tweetId }) => tweetId),
        options,
      ),
    ]);
    const live = new Set(tweets.map((tweet) => tweet?.id));
    return allowed.filter(({ tweetId }) => live.has(tweetId));
  }

  /** What the reader's authors have tweeted, from their indexes. */
  async #behind(
    userId: bigint,
    bounds: { readonly before?: bigint | undefined; readonly since?: bigint | undefined; readonly count: number },
    options: ReadOptions,
  ): Promise<HomeEntry[]> {
    const { follows, byUser } = this.graphs();
    const authors = [userId, ...(await followedBy(this.flock, follows, userId, options))];
    const ids = await pastTweets(this.flock, byUser, authors, bounds, options);
    const tweets = await this.tbird.get(BigInt64Array.from(ids), { ...options, deleted: true });
    return tweets
      .filter((tweet) => tweet !== undefined)
      .map(({ id, userId: author, retweetOfId, replyToUserId }) => ({
        tweetId: id,
        userId: author,
        retweetOfId,
        replyToUserId,
      }))
      .sort((a, b) => newestFirst(a.tweetId, b.tweetId));
  }

  /** The kept entries. A timeline that is missing is rebuilt first: one reader asks for it, the others wait, for a bounded time. */
  async #list(
    userId: bigint,
    bounds: { readonly before: bigint | undefined; readonly since: bigint | undefined; readonly limit: number },
    deadline: Deadline,
  ): Promise<ListPage> {
    const name = homeName(userId);
    const giveUp = deadline.within(Math.min(rebuildWaitMs, deadline.remainingMs() / 2));
    for (let pollMs = firstPollMs; ; pollMs = Math.min(pollMs * 2, maxPollMs)) {
      const page = await this.timelines.pageWithin(name, bounds, deadline);
      if (page !== undefined && page.through === 'all') return page;
      if (page === undefined && (await this.timelines.lease(name, rebuildLeaseMs, deadline)))
        await this.askForRebuild(userId, deadline);
      if (giveUp.passed) return page ?? { entries: [], through: undefined, end: true };
      await sleep(pollMs);
    }
  }
}
