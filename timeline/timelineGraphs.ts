import type { RoostConfig } from '../process/index.js';
import type { Flock } from '../flock/index.js';
import { tweetGraphNames } from '../tbird/index.js';
import type { TimelineGraphs } from './home/audience.js';

type HomeGraphs = TimelineGraphs & { readonly byUser: number };

/** The graphs that home timelines are made from. Throws `NotFound` where that of follows, or the tweets' index, is missing. */
export function timelineGraphs(flock: Flock, config: RoostConfig): HomeGraphs {
  const { follows, byUser, ...others } = presentGraphs(flock, config);
  return {
    follows: follows ?? flock.graph(config.timeline.follows).id,
    byUser: byUser ?? flock.graph(tweetGraphNames.byUser).id,
    ...others,
  };
}

/** Those of them that there are. */
export function presentGraphs(flock: Flock, { timeline }: RoostConfig): Partial<HomeGraphs> {
  const ids = new Map(flock.graphs().map(({ name, id }) => [name, id]));
  const named = Object.entries({
    follows: timeline.follows,
    byUser: tweetGraphNames.byUser,
    blocks: timeline.blocks,
    retweetsOff: timeline.retweetsOff,
  });
  return Object.fromEntries(named.flatMap(([key, name]) => (ids.has(name) ? [[key, ids.get(name)!]] : [])));
}
