import type { JobType } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import type { TweetWriter } from '../storage/applyTweets.js';
import type { TweetTables } from '../storage/tweetTable.js';
import { IndexWrites, type TweetGraphs } from '../tweetIndex.js';
import { createdRecord, type TweetRecord } from '../tweetRecord.js';
import { routingKey } from '../windows/timeWindows.js';
import { checkTweets } from './checkTweets.js';
import { decodeTweets, tweetJobKind } from './tweetPayload.js';

/** Rows carry texts, and are larger than edges. */
const itemsAtOnce = 500;

interface Item {
  readonly record: TweetRecord;
  readonly graphs: TweetGraphs;
}

/**
 * Writes of tweets. The edges that a create brings to the indexes are journaled together with it. What only the row can tell follows from here: the edges of
 * a tweet whose state is another than its create says, since whoever deletes a tweet need not know its author; and those of a tweet that several contents came for.
 */
export const tweetJob = (
  tables: TweetTables,
  applyTweets: TweetWriter,
  forget?: (ids: readonly bigint[]) => Promise<void>,
): JobType<Item, DatabaseHost> => ({
  kind: tweetJobKind,
  itemsAtOnce,
  split(payload, add) {
    const { places, records } = decodeTweets(payload);
    for (const record of records)
      add(places.tableId, routingKey(record.id, places.windowMs), { record, graphs: places.graphs });
  },
  check: checkTweets,
  async apply(host, leaf, items, deadline) {
    const applied = await applyTweets(
      host,
      tables.at(leaf.shard).sql,
      items.map(({ record }) => record),
      deadline,
    );
    const index = new IndexWrites(items[0]!.graphs);
    for (const record of applied) {
      if (record.written === undefined) continue;
      const asCreated = createdRecord(record.written);
      if (record.losers.length > 0 || record.state !== asCreated.state || record.stateAt !== asCreated.stateAt)
        index.follow(record);
    }
    return index.jobs();
  },
  forget: async (items) => forget?.([...new Set(items.map(({ record }) => record.id))]),
});
