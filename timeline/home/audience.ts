import type { EdgeState, Query, Term, Tweet } from '../../wire/index.js';

/** The graphs that determine who gets what, by id. A missing graph leaves its rule out. */
export interface TimelineGraphs {
  /** Reader → author. */
  readonly follows: number;
  /** Blocker → blocked: neither gets the other's tweets. */
  readonly blocks?: number;
  /** Reader → author whose retweets the reader does not want. */
  readonly retweetsOff?: number;
}

const present: readonly EdgeState[] = ['normal'];

const sourcesOf = (graphId: number, destinationId: bigint): Query => term(graphId, destinationId, 'backward');
const destinationsOf = (graphId: number, sourceId: bigint): Query => term(graphId, sourceId, 'forward');

/**
 * Rules that choose who gets a tweet in their home timeline. Each narrows the query of readers; all of them hold.
 * Rules that depend on the reader alone, or whose outcome may change after delivery, apply again when a page is read.
 */
export const audienceRules: readonly ((readers: Query, tweet: Tweet, graphs: TimelineGraphs) => Query)[] = [
  function repliesGoToThoseWhoFollowBoth(readers, { userId, replyToUserId }, { follows }) {
    if (replyToUserId === undefined || replyToUserId === userId) return readers;
    return { kind: 'intersection', left: readers, right: sourcesOf(follows, replyToUserId) };
  },
  function retweetsCanBeTurnedOff(readers, { userId, retweetOfId }, { retweetsOff }) {
    if (retweetOfId === undefined || retweetsOff === undefined) return readers;
    return { kind: 'difference', left: readers, right: sourcesOf(retweetsOff, userId) };
  },
  function blocksHoldBothWays(readers, { userId }, { blocks }) {
    if (blocks === undefined) return readers;
    const blockers: Query = { kind: 'union', left: sourcesOf(blocks, userId), right: destinationsOf(blocks, userId) };
    return { kind: 'difference', left: readers, right: blockers };
  },
];

/** The readers who get a tweet, beside its author and the user whom it answers. */
export const audienceOf = (tweet: Tweet, graphs: TimelineGraphs): Query =>
  audienceRules.reduce((readers, rule) => rule(readers, tweet, graphs), sourcesOf(graphs.follows, tweet.userId));

function term(graphId: number, sourceId: bigint, direction: Term['direction']): Query {
  return { kind: 'term', term: { graphId, sourceId, direction, states: present } };
}
