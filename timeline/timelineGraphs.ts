import type { Flock } from '../flock/index.js';
import { tweetGraphNames } from '../tbird/index.js';
import type { TimelineGraphs } from './home/audience.js';
import type { TimelineConfig } from './timelineConfig.js';

/** The graphs that timelines are made from, by number. A missing graph leaves its entries out. */
export interface StoredGraphs extends TimelineGraphs {
  /** Author → tweet. */
  readonly byUser: number;
  /** Tweet → its replies. */
  readonly replies?: number;
  /** Tweet → its retweets. */
  readonly retweets?: number;
  /** User → tweet that they favorited. */
  readonly favorites?: number;
  /** User → tweet that mentions them. */
  readonly mentions?: number;
}

/** Throws `NotFound` if the graph of follows or the tweets' index is missing. */
export function timelineGraphs(flock: Flock, config: TimelineConfig): StoredGraphs {
  const { follows, byUser, ...others } = presentGraphs(flock, config);
  return {
    follows: follows ?? flock.graph(config.follows).id,
    byUser: byUser ?? flock.graph(tweetGraphNames.byUser).id,
    ...others,
  };
}

/** The ones that exist. */
export function presentGraphs(flock: Flock, config: TimelineConfig): Partial<StoredGraphs> {
  const ids = new Map(flock.graphs().map(({ name, id }) => [name, id]));
  const named = Object.entries({
    ...tweetGraphNames,
    follows: config.follows,
    blocks: config.blocks,
    retweetsOff: config.retweetsOff,
  });
  return Object.fromEntries(named.flatMap(([key, name]) => (ids.has(name) ? [[key, ids.get(name)!]] : [])));
}
