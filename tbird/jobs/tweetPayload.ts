import { RoostError, type Micros } from '../../core/index.js';
import { requirePayloadVersion, UnknownJob, type JobTimes } from '../../gizzard/index.js';
import type { TweetGraphs } from '../tweetIndex.js';
import { createdRecord, deleted, live, type TweetRecord } from '../tweetRecord.js';
import type { TweetContent } from '../tweet.js';
import { contentFrom, contentRow } from '../tweetRules.js';

/** Where tweets and their indexes are. Constant for a cluster. */
export interface TweetPlaces {
  readonly tableId: number;
  readonly windowMs: number;
  readonly graphs: TweetGraphs;
}

/**
 * A batch of writes in the journal, as JSON with ids and times as strings, since JSON numbers are not exact
 * everywhere. Times are in microseconds.
 * {"v": 1, "table": …, "window_ms": …, "graphs": [by user, replies, retweets], "tweets": [content and the time of its
 * writing], "states": [[id, state, time, not before]]}
 * The journal fills in times of 16 digits. A state with an earlier time than `not before` counts from `not before`
 * on.
 */
const version = 1;

interface Stored {
  readonly v: number;
  readonly table: number;
  readonly window_ms: number;
  readonly graphs: readonly [number, number, number];
  readonly tweets: readonly (readonly unknown[])[];
  readonly states: readonly (readonly [id: string, state: number, stateAt: string, notBefore?: string])[];
}

export const tweetJobKind = 'tbird.tweets';

export interface TweetWrites {
  readonly places: TweetPlaces;
  readonly records: readonly TweetRecord[];
}

/** A change of a tweet's state. */
export interface StateChange {
  readonly id: bigint;
  readonly state: number;
  /** Absent: the time of acceptance, or `notBefore` if that is later. */
  readonly time: Micros | undefined;
  readonly notBefore: Micros;
}

/** A create. */
export interface Creation {
  readonly content: TweetContent;
  /** Absent: the time of acceptance. */
  readonly writtenAt?: Micros;
}

/** Placeholder for a time that the journal fills in. */
const openTime = '0'.repeat(16);

/** Encodes creates and changes of state as a job. */
export function encodeTweets(
  { tableId, windowMs, graphs: { byUser, replies, retweets } }: TweetPlaces,
  creations: readonly Creation[],
  states: readonly StateChange[],
): { readonly payload: Buffer; readonly times?: JobTimes } {
  const head = { v: version, table: tableId, window_ms: windowMs, graphs: [byUser, replies, retweets] };
  let json = `${JSON.stringify(head).slice(0, -1)},"tweets":[`;
  let bytes = Buffer.byteLength(json);
  const offsets: number[] = [];
  const add = (text: string): void => {
    json += text;
    bytes += Buffer.byteLength(text);
  };
  /** Adds text that ends in an open time, and the text after it. */
  const addOpen = (text: string, behind: string): void => {
    add(`${text}"`);
    offsets.push(bytes);
    add(`${openTime}"${behind}`);
  };
  for (const [i, { content, writtenAt }] of creations.entries()) {
    const row = `${i === 0 ? '' : ','}${JSON.stringify(contentRow(content)).slice(0, -1)},`;
    if (writtenAt === undefined) addOpen(row, ']');
    else add(`${row}"${writtenAt}"]`);
  }
  add('],"states":[');
  for (const [i, { id, state, time, notBefore }] of states.entries()) {
    const row = `${i === 0 ? '' : ','}["${id}",${state},`;
    if (time === undefined) addOpen(row, `,"${notBefore}"]`);
    else add(`${row}"${time}"]`);
  }
  add(']}');
  return {
    payload: Buffer.from(json),
    ...(offsets.length === 0 ? {} : { times: { count: 1, offsets, digits: true } }),
  };
}

/** Throws `DataLoss` for bytes that are no such payload, and `UnknownJob` for a later version. */
export function decodeTweets(payload: Buffer): TweetWrites {
  try {
    const stored = JSON.parse(payload.toString()) as Stored;
    requirePayloadVersion(tweetJobKind, stored.v, version);
    const [byUser, replies, retweets] = stored.graphs;
    const records = [
      ...stored.tweets.map((row) => createdRecord({ content: contentFrom(row), writtenAt: BigInt(row[9] as string) })),
      ...stored.states.map(([id, state, stateAt, notBefore = '0']): TweetRecord => {
        if (state !== live && state !== deleted) throw new Error(`there is no state ${state}`);
        return {
          id: BigInt(id),
          written: undefined,
          losers: [],
          state,
          stateAt: latest(BigInt(stateAt), BigInt(notBefore)),
        };
      }),
    ];
    return {
      places: { tableId: stored.table, windowMs: stored.window_ms, graphs: { byUser, replies, retweets } },
      records,
    };
  } catch (cause) {
    if (cause instanceof UnknownJob) throw cause;
    throw new RoostError(
      'DataLoss',
      `a job does not hold tweets in a form that this version knows: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

const latest = (a: bigint, b: bigint): bigint => (a > b ? a : b);
