import type { Micros } from '../core/index.js';
import type { TweetContent } from './tweet.js';
import { kindRank } from './tweetKind.js';
import { contentText } from './tweetRules.js';

/** Whether a tweet is deleted: a last-write-wins register. At the same time, deleted wins. */
export const live = 0;
export const deleted = 1;

/**
 * Content, and when the journal accepted it. Of several for one id, which only a race brings about, the earliest stays. Before that counts what the edges of the
 * indexes tell apart, by their own rule: the later time of creation, which differs only for ids from before Snowflake, then the greater rank of the kind.
 */
export interface WrittenContent {
  readonly content: TweetContent;
  readonly writtenAt: Micros;
}

/** What is remembered of a tweet, in its row. A write of a tweet has the same shape, so that applying it is a merge. */
export interface TweetRecord {
  readonly id: bigint;
  /** Undefined while only a deletion, or its undoing, has come. */
  readonly written: WrittenContent | undefined;
  readonly state: number;
  readonly stateAt: Micros;
}

/** A create sets the state as of the tweet's own time, whenever it arrives: repeated after a deletion, it brings nothing back. */
export const createdRecord = (written: WrittenContent): TweetRecord => ({
  id: written.content.id,
  written,
  state: live,
  stateAt: createdAt(written.content),
});

export const createdAt = (content: TweetContent): Micros => BigInt(content.createdAtMs) * 1_000n;

/** All that two records of one tweet know together. Returns `a` itself where `b` has nothing newer. Idempotent, commutative and associative. */
export function mergeTweets(a: TweetRecord, b: TweetRecord): TweetRecord {
  const written = preferred(a.written, b.written);
  const newer = b.stateAt > a.stateAt || (b.stateAt === a.stateAt && b.state > a.state);
  if (written === a.written && !newer) return a;
  return { id: a.id, written, state: newer ? b.state : a.state, stateAt: newer ? b.stateAt : a.stateAt };
}

function preferred(a: WrittenContent | undefined, b: WrittenContent | undefined): WrittenContent | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  if (a.content.createdAtMs !== b.content.createdAtMs) return a.content.createdAtMs > b.content.createdAtMs ? a : b;
  const ranks = kindRank(a.content) - kindRank(b.content);
  if (ranks !== 0) return ranks > 0 ? a : b;
  if (a.writtenAt !== b.writtenAt) return a.writtenAt < b.writtenAt ? a : b;
  return contentText(a.content) <= contentText(b.content) ? a : b;
}

export const sameContent = (a: TweetContent, b: TweetContent): boolean => a === b || contentText(a) === contentText(b);

export const sameRecord = (a: TweetRecord, b: TweetRecord): boolean =>
  a.state === b.state &&
  a.stateAt === b.stateAt &&
  a.written?.writtenAt === b.written?.writtenAt &&
  (a.written === undefined || b.written === undefined || sameContent(a.written.content, b.written.content));
