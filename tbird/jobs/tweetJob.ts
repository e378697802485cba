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
 * Writes of tweets. The index edges of a create are journaled with it. Two things are known only from the row, and
 * follow from here: the edges of a tweet with a state other than its create says, since a delete need not know the
 * author; and those of an id with several contents.
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
      leaf,
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
