import type { Micros } from '../core/index.js';
import type { TweetContent } from './tweet.js';
import { contentText } from './tweetRules.js';

/** Whether a tweet is deleted: a last-write-wins register. At the same time, deleted wins. */
export const live = 0;
export const deleted = 1;

/** Content, and when the journal accepted it: of the same content the earliest time counts. */
export interface WrittenContent {
  readonly content: TweetContent;
  readonly writtenAt: Micros;
}

/** What is remembered of a tweet, in its row. A write of a tweet has the same shape, so that applying it is a merge. */
export interface TweetRecord {
  readonly id: bigint;
  /** Undefined while only a deletion, or its undoing, has come. */
  readonly written: WrittenContent | undefined;
  /**
   * Other contents that came for the id, in the order of their texts. Only a race brings them about: two servers accept different content before either can see the
   * other's. They are kept because each has written entries of indexes, which are to go.
   */
  readonly losers: readonly TweetContent[];
  readonly state: number;
  readonly stateAt: Micros;
}

/** A create sets the state as of the tweet's own time, whenever it arrives: repeated after a deletion, it brings nothing back. */
export const createdRecord = (written: WrittenContent): TweetRecord => ({
  id: written.content.id,
  written,
  losers: [],
  state: live,
  stateAt: createdAt(written.content),
});

export const createdAt = (content: TweetContent): Micros => BigInt(content.createdAtMs) * 1_000n;

/**
 * When a record's entries in the indexes were written, as far as their registers know: of two records of one tweet, one of which holds all that the other does, the fuller
 * one's are later. Only where they differ in nothing but that the fuller one is deleted may the times be the same, and then the removal of an entry wins.
 */
export const indexTime = ({ stateAt, losers }: TweetRecord): Micros => stateAt + BigInt(losers.length);

/** All that two records of one tweet know together. Returns `a` itself where `b` has nothing newer. Idempotent, commutative and associative. */
export function mergeTweets(a: TweetRecord, b: TweetRecord): TweetRecord {
  const { written, losers } = mergeContents(a, b);
  const newer = b.stateAt > a.stateAt || (b.stateAt === a.stateAt && b.state > a.state);
  if (written === a.written && losers.length === a.losers.length && !newer) return a;
  return { id: a.id, written, losers, state: newer ? b.state : a.state, stateAt: newer ? b.stateAt : a.stateAt };
}

/** Of several contents the first in the order of the texts stays. Which came first counts for nothing: servers that did not know of each other cannot say. */
function mergeContents(a: TweetRecord, b: TweetRecord): Pick<TweetRecord, 'written' | 'losers'> {
  if (a.written === undefined || b.written === undefined) return b.written === undefined ? a : b;
  const same = sameContent(a.written.content, b.written.content);
  const earlier = b.written.writtenAt < a.written.writtenAt ? b.written : a.written;
  if (same && b.losers.length === 0) return { written: earlier, losers: a.losers };
  const [textA, textB] = [contentText(a.written.content), contentText(b.written.content)];
  const written = same ? earlier : textA < textB ? a.written : b.written;
  const others = new Map(
    [a.written.content, b.written.content, ...a.losers, ...b.losers].map((content) => [contentText(content), content]),
  );
  others.delete(contentText(written.content));
  return {
    written,
    losers: [...others].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, content]) => content),
  };
}

export const sameContent = (a: TweetContent, b: TweetContent): boolean => a === b || contentText(a) === contentText(b);

export const sameRecord = (a: TweetRecord, b: TweetRecord): boolean =>
  a.state === b.state &&
  a.stateAt === b.stateAt &&
  a.losers.length === b.losers.length &&
  a.losers.every((loser, i) => sameContent(loser, b.losers[i]!)) &&
  a.written?.writtenAt === b.written?.writtenAt &&
  (a.written === undefined || b.written === undefined || sameContent(a.written.content, b.written.content));
