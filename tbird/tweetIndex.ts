import { edgeWriteJob, type EdgeChange, type Operation } from '../flock/index.js';
import type { NewJob } from '../gizzard/index.js';
import type { TweetContent } from './tweet.js';
import { kindOf, type TweetKind } from './tweetKind.js';
import { createdAt, deleted, indexTime, type TweetRecord } from './tweetRecord.js';

/**
 * The graphs that are kept beside the tweets. `favorites` leads from a user to the tweets that they have marked; whoever marks one writes the edge. `mentions` leads from a user to the tweets that name
 * them; their creates write it, and it stays when they are deleted.
 */
export const tweetGraphNames = {
  byUser: 'tweets_by_user',
  replies: 'tweet_replies',
  retweets: 'tweet_retweets',
  favorites: 'tweet_favorites',
  mentions: 'tweet_mentions',
} as const;

/** The graphs beside the tweets that follow from them, by their numbers. */
export interface TweetGraphs {
  /** From a user to their tweets. The state of an edge says what kind the tweet is; see `kindOf`. */
  readonly byUser: number;
  /** From a tweet to its replies. */
  readonly replies: number;
  /** From a tweet to its retweets. */
  readonly retweets: number;
}

/** Archiving alone sets no position. */
const kindOperations: Readonly<Record<TweetKind, readonly Operation[]>> = {
  original: ['add'],
  reply: ['negate'],
  retweet: ['add', 'archive'],
};

/** An edge that a tweet has in one of the graphs. Its destination and its position are the tweet's id. */
export interface IndexEdge {
  readonly graphId: number;
  readonly sourceId: bigint;
  readonly kind: TweetKind;
}

export function edgesOf(content: TweetContent, { byUser, replies, retweets }: TweetGraphs): IndexEdge[] {
  return [
    { graphId: byUser, sourceId: content.userId, kind: kindOf(content) },
    ...(content.replyToTweetId === undefined
      ? []
      : [{ graphId: replies, sourceId: content.replyToTweetId, kind: 'original' as const }]),
    ...(content.retweetOfId === undefined
      ? []
      : [{ graphId: retweets, sourceId: content.retweetOfId, kind: 'original' as const }]),
  ];
}

/** Edges to be written, by graph. */
export class IndexWrites {
  readonly #changes = new Map<number, EdgeChange[]>();

  constructor(private readonly graphs: TweetGraphs) {}

  /** Brings the index to what a tweet's row says. A row without content is in no index; the entries of content that is not the row's are taken back. */
  follow(record: TweetRecord): void {
    const { id, written, losers, state } = record;
    if (written === undefined) return;
    const time = indexTime(record);
    const own = edgesOf(written.content, this.graphs);
    for (const edge of own) this.#set(edge, id, state === deleted, time);
    for (const edge of losers.flatMap((loser) => edgesOf(loser, this.graphs))) {
      if (!own.some(({ graphId, sourceId }) => graphId === edge.graphId && sourceId === edge.sourceId))
        this.#set(edge, id, true, time);
    }
  }

  /** The entries of a tweet that is created: its state is as of the tweet's own time, whenever it is written. */
  create(content: TweetContent): void {
    for (const edge of edgesOf(content, this.graphs)) this.#set(edge, content.id, false, createdAt(content));
  }

  /** The entries of a tweet under those whom it names. */
  mention(graphId: number, content: TweetContent, users: readonly bigint[]): void {
    for (const sourceId of users)
      this.#set({ graphId, sourceId, kind: 'original' }, content.id, false, createdAt(content));
  }

  /** Brings one edge to a state as of a time. */
  put(edge: IndexEdge, id: bigint, removed: boolean, time: bigint): void {
    this.#set(edge, id, removed, time);
  }

  /** The jobs that write them; none where there is nothing to write. */
  jobs(): NewJob[] {
    return Array.from(this.#changes, ([graphId, changes]) => edgeWriteJob(graphId, changes));
  }

  #set({ graphId, sourceId, kind }: IndexEdge, id: bigint, removed: boolean, time: bigint): void {
    let changes = this.#changes.get(graphId);
    if (changes === undefined) this.#changes.set(graphId, (changes = []));
    const change = { sourceId, destinationId: id, position: id, time };
    if (removed) changes.push({ ...change, operation: 'remove' });
    else for (const operation of kindOperations[kind]) changes.push({ ...change, operation });
  }
}
