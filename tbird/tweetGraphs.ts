import { RoostError } from '../core/index.js';
import type { Flock } from '../flock/index.js';
import type { ReadOptions, TweetCounts } from '../wire/index.js';
import { tweetGraphNames, type TweetGraphs } from './tweetIndex.js';

/** The number of a graph beside the tweets. Throws `FailedPrecondition` where it is missing. */
export function tweetGraph(flock: Flock, graph: keyof typeof tweetGraphNames): number {
  const name = tweetGraphNames[graph];
  const found = flock.graphs().find((one) => one.name === name);
  if (found !== undefined) return found.id;
  throw new RoostError(
    'FailedPrecondition',
    `tweets are not set up in this cluster, there is no graph ${name}: \`roost tweets setup\` makes it`,
  );
}

/** Those that follow from the tweets. Throws as `tweetGraph` does. */
export const tweetGraphs = (flock: Flock): TweetGraphs => ({
  byUser: tweetGraph(flock, 'byUser'),
  replies: tweetGraph(flock, 'replies'),
  retweets: tweetGraph(flock, 'retweets'),
});

/** How often each tweet was marked, repeated and answered. */
export async function tweetCounts(flock: Flock, ids: BigInt64Array, options: ReadOptions): Promise<TweetCounts[]> {
  const counts = (graph: keyof typeof tweetGraphNames, direction: 'forward' | 'backward') =>
    flock.counts(tweetGraph(flock, graph), direction, ids, options);
  const [favorites, retweets, replies] = await Promise.all([
    counts('favorites', 'backward'),
    counts('retweets', 'forward'),
    counts('replies', 'forward'),
  ]);
  return Array.from(ids, (_, i) => ({
    favorites: favorites[i]!.normal,
    retweets: retweets[i]!.normal,
    replies: replies[i]!.normal,
  }));
}
