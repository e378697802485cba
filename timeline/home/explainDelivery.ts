import { parseCount, parseId, type Deadline } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import { deadlineOf, until, type ReadOptions } from '../../wire/index.js';
import type { TimelineRates } from '../lists/timelineLists.js';
import type { Timelines } from '../timelines.js';
import type { TimelineGraphs } from './audience.js';
import { decodeTerms, readsPerPost, type PostTerms } from './deliveryCosts.js';
import { followedPage } from './followed.js';
import { homeName } from './homeTimelines.js';

/** How an author's tweets reach a reader, and at what cost. */
export interface ExplainedPair {
  readonly readerId: bigint;
  readonly authorId: bigint;
  /** `missing`: the reader has no timeline, because nobody has read it for long; nothing is delivered. */
  readonly decision: 'push' | 'pull' | 'missing';
  readonly readsPerDay: number;
  readonly postsPerDay: number;
  /**
   * Reads per post, absent without posts; and the ratio from which on the author is pushed. Pairs close to it keep
   * their decision.
   */
  readonly ratio?: number;
  readonly line: number;
  /** The cost of either way per day, over all replicas. */
  readonly pushSecondsPerDay: number;
  readonly pullSecondsPerDay: number;
}

export interface DeliveryExplanation {
  /**
   * The costs that decided the author's last delivery; the pairs of a reader have their own. Undefined if nothing was
   * delivered.
   */
  readonly terms: PostTerms | undefined;
  readonly pairs: readonly ExplainedPair[];
}

const mostPairs = 1_000;
/** Days of a steady rate in a number that decays by half in a day. */
const daysHeld = 1 / Math.LN2;

/**
 * Explains how tweets are delivered between a user, as reader or author, and some of those whom they follow, or who
 * follow them. Rates are those of one replica, times the number of replicas.
 */
export class DeliveryExplainer {
  constructor(
    private readonly timelines: Timelines,
    private readonly flock: Flock,
    private readonly graphs: () => TimelineGraphs,
    private readonly replicas: () => number,
  ) {}

  /** Pulled authors first, then those followed last: `count` of either. */
  async ofReader(readerId: bigint, count: number, options: ReadOptions = {}): Promise<DeliveryExplanation> {
    const deadline = check(readerId, count, options);
    const reader = await this.timelines.rates(homeName(readerId), deadline);
    const page = { count, cursor: -1n };
    const { ids } = await followedPage(this.flock, this.graphs().follows, readerId, page, until(deadline));
    const authors = new Set([...(reader.pulled ?? []).slice(0, count), ...ids]);
    const pairs = await Promise.all(
      Array.from(authors, async (authorId) =>
        this.#pair(readerId, reader, authorId, await this.timelines.rates(homeName(authorId), deadline)),
      ),
    );
    return { terms: undefined, pairs };
  }

  /** The readers who followed the author last. */
  async ofAuthor(authorId: bigint, count: number, options: ReadOptions = {}): Promise<DeliveryExplanation> {
    const deadline = check(authorId, count, options);
    const author = await this.timelines.rates(homeName(authorId), deadline);
    const { follows: graphId } = this.graphs();
    const { ids } = await this.flock.select(
      { kind: 'term', term: { graphId, sourceId: authorId, direction: 'backward', states: ['normal'] } },
      { count, cursor: -1n },
      until(deadline),
    );
    const pairs = await Promise.all(
      Array.from(ids, async (readerId) =>
        this.#pair(readerId, await this.timelines.rates(homeName(readerId), deadline), authorId, author),
      ),
    );
    return { terms: decodeTerms(author.terms), pairs };
  }

  #pair(readerId: bigint, { reads, pulled }: TimelineRates, authorId: bigint, author: TimelineRates): ExplainedPair {
    const terms = decodeTerms(author.terms) ?? { pushSeconds: 0, pullSeconds: 0, threshold: 0 };
    const replicas = this.replicas();
    const readsPerDay = (reads * replicas) / daysHeld;
    const postsPerDay = author.posts / daysHeld;
    const costOfPush = terms.pushSeconds * replicas;
    return {
      readerId,
      authorId,
      decision: pulled === undefined ? 'missing' : pulled.includes(authorId) ? 'pull' : 'push',
      readsPerDay,
      postsPerDay,
      ...(postsPerDay > 0 && { ratio: readsPerDay / postsPerDay }),
      line: terms.pullSeconds === 0 ? 0 : readsPerPost(terms) * replicas,
      pushSecondsPerDay: postsPerDay * costOfPush,
      pullSecondsPerDay: readsPerDay * terms.pullSeconds,
    };
  }
}

function check(userId: bigint, count: number, options: ReadOptions): Deadline {
  parseId(userId);
  parseCount(count, 'count', 1, mostPairs);
  return deadlineOf(options);
}
