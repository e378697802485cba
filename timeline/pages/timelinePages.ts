import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff, type Deadline, limits, parseCount, parseId } from '../../core/index.js';
import { deadlineOf, type HomeRequest, type ReadOptions, until } from '../../wire/index.js';
import { holdsIds, keyOf, newestFirst, type TimelineEntry } from '../entry.js';
import type { ListPage, PageBounds } from '../lists/timelineLists.js';
import type { Timelines } from '../timelines.js';
import type { PageTweets } from './pageTweets.js';
import type { BehindBounds, TimelineKind } from './timelineKind.js';

/** A page of a timeline, newest first. */
export interface TimelinePage<Item> {
  readonly entries: readonly Item[];
  /** Whether entries may be missing because the timeline is still being rebuilt; a later read has them. */
  readonly partial: boolean;
  /** Where the next page begins; absent at the end. */
  readonly nextBeforeId?: bigint;
}

/**
 * The source of a page: kept entries alone, entries rebuilt for it, entries of an unfinished rebuild, or also what is
 * beyond the kept ones.
 */
export type ReadFrom = 'kept' | 'rebuilt' | 'partial' | 'behind';

/** Extra entries to read, since rules may drop some. Each costs every page a lookup; too few cost some pages a round. */
const spare = 5;
/**
 * The most rounds of one page. Each looks at more entries; if rules drop nearly all of them the page ends short, and
 * its reader continues from its last id.
 */
const maxRounds = 32;
/** The longest wait of a reader for a rebuild, before it gets what exists. */
const rebuildWaitMs = 2_000;
const firstPollMs = 4;
const maxPollMs = 64;
/** How long one reader has to request a rebuild before another may. */
const rebuildLeaseMs = 10_000;

/**
 * Pages of timelines of one kind: from the list in Redis and, beyond its kept entries, from the kind's sources, with
 * the same ids as cursors. Reading a missing timeline rebuilds it.
 */
export class TimelinePages<Item> {
  constructor(
    private readonly timelines: Timelines,
    private readonly kind: TimelineKind<Item>,
    /** Called after each page with its source. */
    private readonly onRead: (from: ReadFrom) => void,
    private readonly tweets: () => PageTweets,
    private readonly askForRebuild: (userId: bigint, deadline: Deadline) => Promise<void>,
  ) {}

  /**
   * A page. It is shorter than requested only at the end, if it is `partial`, or if the rules have dropped very many.
   * Throws as `Timelines`.
   *
   * @param tweets afterwards has the fragments of the page's tweets, if it has a format
   */
  async page(
    request: HomeRequest,
    options: ReadOptions = {},
    tweets: PageTweets = this.tweets(),
  ): Promise<TimelinePage<Item>> {
    parseId(request.userId);
    parseCount(request.count, 'count', 1, limits.pageSize);
    const deadline = deadlineOf(options);
    const within = (): ReadOptions => ({ ...options, ...until(deadline) });
    const { kind } = this;
    const { userId, count, sinceId: since } = request;
    const found: Item[] = [];
    let before = request.beforeId;
    let partial = false;
    let missed = false;
    let kept = true;
    let wentBehind = false;
    let end = false;
    for (let round = 0; round < maxRounds && found.length < count && !end; round++) {
      const wanted = (count - found.length + spare) << Math.min(round, 4);
      const limit = Math.min(wanted, limits.pageSize);
      let stretch: Stretch<Item>;
      if (kept) {
        const older = kind.older === true;
        const list = await this.#list(
          userId,
          { before, since, limit, older, reading: round === 0 && kind.pulled !== undefined },
          deadline,
        );
        partial ||= list.through !== 'all';
        missed ||= list.missed;
        stretch = await this.#withPulled(this.#stretchOf(list, limit), list, { before, since, count: limit }, within());
        kept = !list.end || stretch.cut;
      } else {
        wentBehind = true;
        const behind = await kind.behind(userId, { before, since, count: limit }, within());
        stretch = { ...behind, older: [], pulled: [], cut: false };
      }
      before = stretch.last ?? before;
      const { items, older, pulled } = stretch;
      if (items.length + pulled.length > 0)
        found.push(...(await kind.shown(userId, items, { older, pulled, tweets }, within())));
      ({ end } = stretch);
    }
    this.onRead(partial ? 'partial' : missed ? 'rebuilt' : wentBehind ? 'behind' : 'kept');
    const next = found.length > count ? kind.idOf(found[count - 1]!) : end ? undefined : before;
    return { entries: found.slice(0, count), partial, ...(next !== undefined && { nextBeforeId: next }) };
  }

  /**
   * The kept entries. A missing timeline is rebuilt first: one reader requests it, the others wait a bounded time.
   * While it is incomplete, another reader requests it once the lease has expired: the first may have died before
   * everything was journaled, and a journal may lose jobs.
   */
  async #list(
    userId: bigint,
    bounds: PageBounds,
    deadline: Deadline,
  ): Promise<ListPage & { readonly missed: boolean }> {
    const name = `${this.kind.prefix}${userId}`;
    const giveUp = deadline.within(Math.min(rebuildWaitMs, deadline.remainingMs() / 2));
    let missed = false;
    const backoff = new Backoff(firstPollMs, maxPollMs);
    for (;;) {
      const page = await this.timelines.pageWithin(name, bounds, deadline);
      if (page !== undefined && page.through === 'all') return { ...page, missed };
      missed = true;
      if (await this.timelines.lease(name, rebuildLeaseMs, deadline)) await this.askForRebuild(userId, deadline);
      if (giveUp.passed)
        return {
          ...(page ?? { entries: [], older: [], through: undefined, end: true, whole: false, pulled: [] }),
          missed,
        };
      await sleep(backoff.next());
    }
  }

  #stretchOf({ entries: kept, older, through, end, whole }: ListPage, limit: number): Stretch<Item> {
    const entries = kept.filter(holdsIds);
    const read = (some: readonly TimelineEntry[]): Item[] =>
      some.map((entry) => this.kind.itemOf(entry)).filter((item) => item !== undefined);
    const last = entries.at(-1);
    return {
      items: read(entries),
      older: read(older.filter(holdsIds)).reverse(),
      last: last && keyOf(last),
      end: end ? whole && through === 'all' : kept.length < limit,
      pulled: [],
      cut: false,
    };
  }

  /**
   * Adds the entries that the list leaves to its readers, as far down as the stretch reaches. If there are many, the
   * stretch ends higher up.
   */
  async #withPulled(
    stretch: Stretch<Item>,
    { pulled: authors }: ListPage,
    { before, since, count }: BehindBounds,
    options: ReadOptions,
  ): Promise<Stretch<Item>> {
    const { kind } = this;
    // Below an end that is not the list's, entries come from beyond the list.
    const nothing = stretch.last === undefined && !stretch.end;
    if (kind.pulled === undefined || authors.length === 0 || nothing) return stretch;
    const floor = stretch.end ? since : stretch.last;
    const found = await kind.pulled(authors, { before, since: floor, count: count + 1 }, options);
    const there = new Set(stretch.items.map((item) => kind.idOf(item)));
    const pulled = found.filter((id) => !there.has(id));
    const ids = [...there, ...pulled].sort(newestFirst);
    const last = ids[count - 1];
    if (ids.length <= count || last === undefined) return { ...stretch, pulled };
    const above = (id: bigint): boolean => id >= last;
    const items = stretch.items.filter((item) => above(kind.idOf(item)));
    return { ...stretch, items, pulled: pulled.filter(above), last, end: false, cut: true };
  }
}

/** Adjacent entries, newest first. */
interface Stretch<Item> {
  readonly items: readonly Item[];
  /** Older entries known to share a secondary key with some of them. */
  readonly older: readonly Item[];
  /** The id to continue before. */
  readonly last: bigint | undefined;
  /** Whether the reader has reached the end, or entries seen before. */
  readonly end: boolean;
  /** Ids of items outside the list. */
  readonly pulled: readonly bigint[];
  /** Whether the list continues after the stretch. */
  readonly cut: boolean;
}
