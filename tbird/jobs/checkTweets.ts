import { limits, maxId, RoostError } from '../../core/index.js';
import type { JobBounds, Topology } from '../../gizzard/index.js';
import type { TweetDraft } from '../../wire/index.js';
import type { TweetContent } from '../tweet.js';
import { windowMsOf } from '../storage/tweetsAttributes.js';
import { contentOf, contentText } from '../tweetRules.js';
import { tweetsTableId } from '../windows/windowMap.js';
import { decodeTweets } from './tweetPayload.js';

/** Holds a job of tweets to what a create, a delete and an undelete may bring. Throws `InvalidArgument`, and `NotFound` where its graphs are not here. */
export function checkTweets(payload: Buffer, { topology, latest }: JobBounds): void {
  const { places, records } = decodeTweets(payload);
  if (records.length === 0 || records.length > limits.operationsPerWrite)
    throw invalid(`a job holds 1 to ${limits.operationsPerWrite} tweets, not ${records.length}`);
  if (places.tableId !== tweetsTableId) throw invalid(`table ${places.tableId} holds no tweets`);
  const windowMs = clusterWindowMs(topology);
  // Other windows lead to other shards.
  if (windowMs !== undefined && windowMs !== places.windowMs)
    throw invalid(`the windows of tweets are of ${windowMs} ms here, not of ${places.windowMs}`);
  for (const graph of Object.values<number>({ ...places.graphs }))
    for (const table of [graph, -graph])
      if (topology.table(table).service !== 'flock') throw invalid(`table ${table} holds no edges`);
  for (const { id, written, stateAt } of records) {
    if (id < 0n || id > maxId) throw invalid(`ids are from 0 to 2^63 − 1, not ${id}`);
    for (const time of [stateAt, written?.writtenAt ?? 0n])
      if (time < 0n || time > latest) throw invalid(`times are microseconds from 1970 to a day from now, not ${time}`);
    if (written !== undefined && contentText(contentOf(draftOf(written.content), id)) !== contentText(written.content))
      throw invalid(`the content of tweet ${id} is not as a create would have left it`);
  }
}

/** The draft without absent fields. */
const draftOf = (content: TweetContent): TweetDraft =>
  Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined)) as unknown as TweetDraft;

/** The length of this cluster's windows, according to its shards. */
function clusterWindowMs(topology: Topology): number | undefined {
  const leaf = topology.routes(tweetsTableId)[0]?.leaves[0]?.shard;
  return leaf === undefined ? undefined : windowMsOf(leaf);
}

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);
