import { cachesFor } from '../cache/index.js';
import { EdgeCaches, Flock, flockTypes, type OpenFlockOptions } from '../flock/index.js';
import { Gizzard, type GizzardOptions } from '../gizzard/index.js';
import type { Log, Metrics, RoostConfig } from '../process/index.js';
import { TweetCaches } from './cached/tweetCaches.js';
import { tweetJob } from './jobs/tweetJob.js';
import { applyTweets } from './storage/applyTweets.js';
import { tweetsShardType } from './storage/tweetsShardType.js';
import { Tbird, type TbirdOptions } from './tbird.js';
import { tweetGraphNames } from './tweetIndex.js';

const indexNames: ReadonlySet<string> = new Set(Object.values(tweetGraphNames));

export interface OpenTbirdOptions extends OpenFlockOptions, Pick<TbirdOptions, 'clocks' | 'leaseMs'> {
  readonly log?: Log;
  readonly metrics?: Metrics;
}

/** What T-Bird tells Gizzard of its shards and jobs. */
export const tbirdTypes = (cluster: string, caches?: TweetCaches): Pick<GizzardOptions, 'shardTypes' | 'jobTypes'> => ({
  shardTypes: [tweetsShardType(cluster, caches?.moving)],
  jobTypes: [tweetJob(cluster, caches?.applyTweets ?? applyTweets, caches?.forget)],
});

/** Opens the tweets and the graphs of a cluster on one Gizzard. With `work`, also rolls the windows. Throws as `openFlock` does. */
export async function openTbird(config: RoostConfig, options: OpenTbirdOptions = {}): Promise<Tbird> {
  const { work = false, create = false, clocks, leaseMs, stores, caches: _caches, ...rest } = options;
  const { tweets: ofTweets, graphs: ofGraphs } = config.cache;
  const { caches, close } = await cachesFor(config, ofTweets || ofGraphs, options);
  try {
    const edgeCaches =
      caches?.main &&
      new EdgeCaches(
        caches.main,
        caches,
        () => gizzard,
        (graph) => (indexNames.has(graph) ? ofTweets : ofGraphs),
      );
    const tweetCaches =
      ofTweets && caches?.main
        ? new TweetCaches(
            caches.main,
            caches,
            () => gizzard,
            (ids, deadline) => tbird.records(ids, deadline),
          )
        : undefined;
    const [edges, tweets] = [flockTypes(config.cluster, edgeCaches), tbirdTypes(config.cluster, tweetCaches)];
    const types = {
      shardTypes: [...edges.shardTypes, ...tweets.shardTypes, ...(stores?.shardTypes ?? [])],
      jobTypes: [...edges.jobTypes, ...tweets.jobTypes, ...(stores?.jobTypes ?? [])],
    };
    const gizzard: Gizzard = new Gizzard(config, { ...rest, ...types });
    await gizzard.open({ work, create });
    const flock = new Flock(gizzard, { ...(edgeCaches && { caches: edgeCaches }), closing: close });
    const tbird: Tbird = new Tbird(gizzard, flock, {
      ...(clocks && { clocks }),
      ...(leaseMs !== undefined && { leaseMs }),
      ...(tweetCaches && { caches: tweetCaches }),
    });
    if (work) tbird.roller.start();
    return tbird;
  } catch (error) {
    await close();
    throw error;
  }
}
