import { RoostError } from '../../core/index.js';
import type { TweetGraphs } from '../tweetIndex.js';
import { createdRecord, deleted, live, type TweetRecord } from '../tweetRecord.js';
import { contentFrom, contentRow } from '../tweetRules.js';

/** What a job needs to know of where tweets and their indexes are. None of it ever changes for a cluster. */
export interface TweetPlaces {
  readonly tableId: number;
  readonly windowMs: number;
  readonly graphs: TweetGraphs;
}

/*
 * A batch of writes in the journal, as JSON: ids and times in microseconds as texts, since a JSON number of them is not exact everywhere.
 *   {"v": 1, "table": …, "window_ms": …, "graphs": [by user, replies, retweets], "tweets": [content and the time of its writing], "states": [[id, state, time]]}
 */
const version = 1;

interface Stored {
  readonly v: number;
  readonly table: number;
  readonly window_ms: number;
  readonly graphs: readonly [number, number, number];
  readonly tweets: readonly (readonly unknown[])[];
  readonly states: readonly (readonly [id: string, state: number, stateAt: string])[];
}

export interface TweetWrites {
  readonly places: TweetPlaces;
  readonly records: readonly TweetRecord[];
}

/** Creates, each with its content, and changes of state, which have none. */
export function encodeTweets({ places, records }: TweetWrites): Buffer {
  const { byUser, replies, retweets } = places.graphs;
  const stored: Stored = {
    v: version,
    table: places.tableId,
    window_ms: places.windowMs,
    graphs: [byUser, replies, retweets],
    tweets: records.flatMap(({ written }) => (written === undefined ? [] : [[...contentRow(written.content), String(written.writtenAt)]])),
    states: records.flatMap(({ id, written, state, stateAt }) => (written === undefined ? [[String(id), state, String(stateAt)] as const] : [])),
  };
  return Buffer.from(JSON.stringify(stored));
}

/** Throws `DataLoss` where the payload is not one of ours. */
export function decodeTweets(payload: Buffer): TweetWrites {
  try {
    const stored = JSON.parse(payload.toString()) as Stored;
    if (stored.v !== version) throw new Error(`it has version ${stored.v}`);
    const [byUser, replies, retweets] = stored.graphs;
    const records = [
      ...stored.tweets.map((row) => createdRecord({ content: contentFrom(row), writtenAt: BigInt(row[9] as string) })),
      ...stored.states.map(([id, state, stateAt]): TweetRecord => {
        if (state !== live && state !== deleted) throw new Error(`there is no state ${state}`);
        return { id: BigInt(id), written: undefined, losers: [], state, stateAt: BigInt(stateAt) };
      }),
    ];
    return { places: { tableId: stored.table, windowMs: stored.window_ms, graphs: { byUser, replies, retweets } }, records };
  } catch (cause) {
    throw new RoostError('DataLoss', `a job does not hold tweets in a form that this version knows: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
