import type { RoostConfig } from '../process/index.js';
import type { Flock } from '../flock/index.js';
import { tweetGraphNames } from '../tbird/index.js';
import type { TimelineGraphs } from './home/audience.js';

/** The graphs that home timelines are made from. Throws `NotFound` where that of follows, or the tweets' index, is missing. */
export function timelineGraphs(flock: Flock, config: RoostConfig): TimelineGraphs & { readonly byUser: number } {
  const ids = new Map(flock.graphs().map(({ name, id }) => [name, id]));
  const { follows, blocks, retweetsOff } = config.timeline;
  const [blocksId, retweetsOffId] = [ids.get(blocks), ids.get(retweetsOff)];
  return {
    follows: ids.get(follows) ?? flock.graph(follows).id,
    byUser: ids.get(tweetGraphNames.byUser) ?? flock.graph(tweetGraphNames.byUser).id,
    ...(blocksId !== undefined && { blocks: blocksId }),
    ...(retweetsOffId !== undefined && { retweetsOff: retweetsOffId }),
  };
}
