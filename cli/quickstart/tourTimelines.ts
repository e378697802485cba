import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel, RoostError } from '../../core/index.js';
import type { Roost } from '../../sdk/index.js';
import { quantile } from '../edges/loadEdges.js';
import { waitUntilMaterialized } from '../edges/waitUntilMaterialized.js';

/** Home timelines as a quickstart measures them: from calls over RPC to what readers see. */
export interface TimelineTour {
  readonly author: bigint;
  /** The number of the author's followers whose timelines are kept. */
  readonly readers: number;
  readonly tweets: number;
  /** Entries delivered to readers' timelines a second, from the first create to the empty journal. */
  readonly deliveriesPerSecond: number;
  /** From the create of a tweet to the first read by a follower that shows it. */
  readonly timeToDeliverMs: { readonly p50: number; readonly p99: number };
  /** Pages of 20 tweets with their texts. */
  readonly pagesPerSecond: number;
  readonly pageMs: { readonly p50: number; readonly p99: number };
}

const mostReaders = 200;
const tweets = 40;
const timedTweets = 20;
const pages = 400;
const pageLength = 20;
const callsInFlight = 16;
const pollMs = 2;
const deliveredWithinMs = 10_000;
/** A long deadline: a machine that tries this out may be busy. */
const patiently = { deadlineMs: 30_000 } as const;

/**
 * Has a user tweet to followers whose timelines are kept, and has the followers read them. Throws `DataLoss` if a
 * timeline lacks a tweet after all deliveries.
 */
export async function tourTimelines(roost: Roost, author: bigint, signal: AbortSignal): Promise<TimelineTour> {
  const graph = await roost.graph('follows');
  const followers = [...(await graph.to(author).ids(mostReaders))].filter((id) => id !== author);
  const readers = followers.length === 0 ? [author] : followers;
  // A timeline is kept only once it is read.
  await inParallel(readers, callsInFlight, async (reader) => void (await roost.timelines.home(reader, patiently)));
  const startedMs = performance.now();
  const ids = await roost.tweets.createMany(
    Array.from({ length: tweets }, (_, i) => ({ userId: author, text: `tweet ${i + 1} of user ${author}` })),
    patiently,
  );
  await waitUntilMaterialized(() => roost.journal(), signal);
  const deliveredMs = performance.now() - startedMs;

  const timeToDeliverMs: number[] = [];
  for (let i = 0; i < timedTweets; i++) {
    signal.throwIfAborted();
    timeToDeliverMs.push(await timeToDeliver(roost, author, readers[i % readers.length]!));
  }

  const pageMs: number[] = [];
  const readMs = await elapsed(() =>
    inParallel(
      Array.from({ length: pages }, (_, i) => readers[i % readers.length]!),
      callsInFlight,
      async (reader) => {
        pageMs.push(
          await elapsed(() => roost.timelines.homeFragments('short', reader, { ...patiently, count: pageLength })),
        );
      },
    ),
  );
  const newest = ids.reduce((most, id) => (id > most ? id : most));
  await inParallel(readers, callsInFlight, async (reader) => {
    const home = await roost.timelines.home(reader, { ...patiently, count: tweets, before: newest + 1n });
    const seen = new Set(home.ids);
    const missing = ids.filter((id) => !seen.has(id)).length;
    if (missing > 0)
      throw new RoostError('DataLoss', `the home timeline of user ${reader} lacks ${missing} tweets of user ${author}`);
  });
  const spread = (of: number[]) => {
    of.sort((a, b) => a - b);
    return { p50: quantile(of, 0.5), p99: quantile(of, 0.99) };
  };
  return {
    author,
    readers: readers.length,
    tweets,
    deliveriesPerSecond: (readers.length * tweets * 1_000) / deliveredMs,
    timeToDeliverMs: spread(timeToDeliverMs),
    pagesPerSecond: (pages * 1_000) / readMs,
    pageMs: spread(pageMs),
  };
}

async function timeToDeliver(roost: Roost, author: bigint, reader: bigint): Promise<number> {
  const startedMs = performance.now();
  const id = await roost.tweets.create({ userId: author, text: 'on its way' }, patiently);
  for (;;) {
    const tookMs = performance.now() - startedMs;
    if ((await roost.timelines.home(reader, { ...patiently, count: 1 })).ids[0] === id) return tookMs;
    if (tookMs > deliveredWithinMs)
      throw new RoostError('DeadlineExceeded', `tweet ${id} is not in the home timeline of user ${reader} yet`);
    await sleep(pollMs);
  }
}

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
