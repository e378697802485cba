import { snowflakeTimeMs } from '../../core/index.js';
import type { Metrics } from '../../process/index.js';
import type { Delivered } from '../lists/timelineLists.js';
import { BusyAverage } from './busyAverage.js';

/** Before any measurement. */
const expectedPushSeconds = 10e-6;
const expectedPullSeconds = 100e-6;
const expectedPushes = 1_000;
const expectedPulls = 100;
/** Bounds on the cost of a push in pulls, so that no odd measurement decides everything. */
const leastRatio = 0.002;
const mostRatio = 5;
/** Seconds from a tweet to its timelines. */
const deliveryBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const mostSeconds = 86_400;

/** The terms of a delivery's decision. */
export interface PostTerms {
  /** The cost of a push into one replica of a list, and of a pull of one author. */
  readonly pushSeconds: number;
  readonly pullSeconds: number;
  readonly threshold: number;
}

/** The ratio of reads to posts from which on an author is pushed to a reader. */
export const readsPerPost = ({ pushSeconds, pullSeconds, threshold }: PostTerms): number =>
  Math.min(Math.max(pushSeconds / pullSeconds, leastRatio), mostRatio) * threshold;

/** Three f64, little-endian. */
export function encodeTerms({ pushSeconds, pullSeconds, threshold }: PostTerms): Buffer {
  const bytes = Buffer.allocUnsafe(24);
  bytes.writeDoubleLE(pushSeconds, 0);
  bytes.writeDoubleLE(pullSeconds, 8);
  bytes.writeDoubleLE(threshold, 16);
  return bytes;
}

export const decodeTerms = (bytes: Buffer): PostTerms | undefined =>
  bytes.length < 24
    ? undefined
    : { pushSeconds: bytes.readDoubleLE(0), pullSeconds: bytes.readDoubleLE(8), threshold: bytes.readDoubleLE(16) };

/**
 * The cost of pushing an entry into one list, and of pulling an author's entries at one read, as this process
 * measures them; and the decision that follows: an author is pushed to a reader whose reads per post are at least the
 * cost of a push over that of a pull (Silberstein et al., Feeding Frenzy, SIGMOD 2010).
 */
export class DeliveryCosts {
  readonly #push = new BusyAverage(expectedPushSeconds, expectedPushes);
  readonly #pull = new BusyAverage(expectedPullSeconds, expectedPulls);
  readonly #late: (seconds: number) => void;
  readonly #decided: (by: { decision: 'push' | 'pull' }, count: number) => void;
  readonly #cost: (of: { decision: 'push' | 'pull'; kind: 'predicted' | 'real' }, seconds: number) => void;

  /** @param threshold multiplies the ratio of costs: 0 pushes everything, more pulls more */
  constructor(
    metrics: Metrics,
    readonly threshold: number,
  ) {
    const decided = metrics.counter(
      'roost_timeline_deliveries_total',
      'Entries for one replica of a home timeline that were pushed into it, or left to be pulled by its readers',
      ['decision'],
    );
    const cost = metrics.counter(
      'roost_timeline_cost_seconds_total',
      'What pushes into lists and pulls of authors were predicted to cost, by the costs of those before, and did cost',
      ['decision', 'kind'],
    );
    metrics.gauge(
      'roost_timeline_cost_seconds',
      'What a push into one list and a pull of one author cost by now',
      ['decision'],
      (gauge) => {
        gauge.set({ decision: 'push' }, this.pushSeconds);
        gauge.set({ decision: 'pull' }, this.pullSeconds);
      },
    );
    const late = metrics.histogram(
      'roost_timeline_delivery_seconds',
      'From the id of a tweet to the moment when some of the home timelines of those who get it had it',
      [],
      deliveryBuckets,
    );
    this.#late = (seconds) => late.observe(seconds);
    this.#decided = (by, count) => decided.inc(by, count);
    this.#cost = (of, seconds) => cost.inc(of, seconds);
  }

  /** For one push into one replica of a list. */
  get pushSeconds(): number {
    return this.#push.seconds;
  }

  /** For one author at one read. */
  get pullSeconds(): number {
    return this.#pull.seconds;
  }

  /**
   * The reads of one replica from which on an author with this many posts is pushed; both numbers decay by half in a
   * day. Each replica gets its share of the reads and every push, so that the number of replicas cancels out.
   */
  leastReads(posts: number): number {
    return posts * readsPerPost(this.terms);
  }

  /** The present terms of decisions. */
  get terms(): PostTerms {
    const { pushSeconds, pullSeconds, threshold } = this;
    return { pushSeconds, pullSeconds, threshold };
  }

  /** Records how long a tweet took to reach some timelines. */
  delivered(tweetId: bigint): void {
    const seconds = (Date.now() - snowflakeTimeMs(tweetId)) / 1_000;
    // Older tweets come from an import.
    if (seconds < mostSeconds) this.#late(Math.max(0, seconds));
  }

  /** Measures a step that pushes. A step that mostly leaves entries to readers says little about pushes. */
  pushing(step: () => Promise<Delivered>): Promise<Delivered> {
    return this.#push.measure(
      step,
      ({ pushed, left }) => {
        this.#decided({ decision: 'push' }, pushed);
        this.#decided({ decision: 'pull' }, left);
        return pushed > left ? pushed : 0;
      },
      this.#measured('push'),
    );
  }

  /** Measures a read of some authors' entries. */
  pulling<T>(authors: number, read: () => Promise<T>): Promise<T> {
    return this.#pull.measure(read, () => authors, this.#measured('pull'));
  }

  #measured(decision: 'push' | 'pull') {
    return (_items: number, predicted: number, real: number): void => {
      this.#cost({ decision, kind: 'predicted' }, predicted);
      this.#cost({ decision, kind: 'real' }, real);
    };
  }
}
