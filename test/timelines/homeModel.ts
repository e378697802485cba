export interface ModelTweet {
  readonly id: bigint;
  readonly userId: bigint;
  readonly replyToUserId: bigint | undefined;
  readonly replyToTweetId: bigint | undefined;
  readonly retweetOfId: bigint | undefined;
  readonly mentions: readonly bigint[];
  /** The step of the model in which it was written. */
  readonly step: number;
  deleted: boolean;
}

/** The home timeline that a reader should find, newest first. */
export interface Expected {
  readonly ids: readonly bigint[];
  /** Tweets that the timeline may hold as well. */
  readonly optional: ReadonlySet<bigint>;
}

export type ModelGraph = 'follows' | 'blocks' | 'retweets_off' | 'tweet_favorites';

/** Tweets and graphs in memory, and the home timelines that follow from them by the rules. */
export class HomeModel {
  readonly tweets = new Map<bigint, ModelTweet>();
  readonly #edges = new Map<string, number>();
  step = 0;

  /** @param whole whether no timeline was ever trimmed: then nothing about repeated retweets is open. */
  constructor(private readonly whole: boolean) {}

  add(tweet: Omit<ModelTweet, 'step' | 'deleted'>): void {
    this.tweets.set(tweet.id, { ...tweet, step: ++this.step, deleted: false });
  }

  set(graph: ModelGraph, from: bigint, to: bigint, there: boolean): void {
    this.step++;
    const key = `${graph} ${from} ${to}`;
    if (!there) this.#edges.delete(key);
    else if (!this.#edges.has(key)) this.#edges.set(key, this.step);
  }

  has(graph: ModelGraph, from: bigint, to: bigint): boolean {
    return this.#edges.has(`${graph} ${from} ${to}`);
  }

  describe(id: bigint): string {
    const { userId, replyToUserId, retweetOfId } = this.tweets.get(id)!;
    const kind =
      retweetOfId !== undefined ? `, of ${retweetOfId}` : replyToUserId !== undefined ? `, to ${replyToUserId}` : '';
    return `${id} (by ${userId}${kind})`;
  }

  home(readerId: bigint): Expected {
    const visible = [...this.tweets.values()].filter((tweet) => this.#visible(readerId, tweet)).sort(oldestFirst);
    const ids = new Set(visible.map(({ id }) => id));
    const optional = new Set<bigint>();
    const retweeted = new Set<bigint>();
    const shown = visible.filter((tweet) => {
      const { retweetOfId } = tweet;
      if (retweetOfId !== undefined) {
        if (ids.has(retweetOfId)) return false;
        if (retweeted.has(retweetOfId)) {
          // Behind the kept entries, a retweet may be shown after an older retweet.
          if (!this.whole) optional.add(tweet.id);
          return false;
        }
        retweeted.add(retweetOfId);
      }
      if (!this.#lateReply(readerId, tweet)) return true;
      optional.add(tweet.id);
      return false;
    });
    return { ids: shown.map(({ id }) => id).reverse(), optional };
  }

  /**
   * Returns the events of a user, as `kind actor tweet`, in no order: edges and tweets get their times from two
   * clocks.
   */
  activity(userId: bigint): string[] {
    const found: string[] = [];
    const isTheirs = (id: bigint | undefined): boolean => id !== undefined && this.tweets.get(id)!.userId === userId;
    const add = (kind: string, actor: bigint, tweetId?: bigint): void => {
      if (actor === userId || this.has('blocks', userId, actor) || this.has('blocks', actor, userId)) return;
      if (tweetId === undefined || !this.tweets.get(tweetId)!.deleted) found.push(`${kind} ${actor} ${tweetId ?? ''}`);
    };
    for (const key of this.#edges.keys()) {
      const [graph, from, to] = key.split(' ');
      if (graph === 'follows' && to === String(userId)) add('followed', BigInt(from!));
      if (graph === 'tweet_favorites' && isTheirs(BigInt(to!))) add('favorited', BigInt(from!), BigInt(to!));
    }
    for (const tweet of this.tweets.values()) {
      if (tweet.deleted) continue;
      if (isTheirs(tweet.retweetOfId)) add('retweeted', tweet.userId, tweet.retweetOfId);
      else if (isTheirs(tweet.replyToTweetId)) add('replied', tweet.userId, tweet.replyToTweetId);
      else if (tweet.mentions.includes(userId)) add('mentioned', tweet.userId);
    }
    return found.sort();
  }

  #visible(readerId: bigint, { userId, replyToUserId, retweetOfId, deleted }: ModelTweet): boolean {
    if (deleted) return false;
    if (userId === readerId) return true;
    if (!this.has('follows', readerId, userId)) return false;
    if (this.has('blocks', readerId, userId) || this.has('blocks', userId, readerId)) return false;
    if (retweetOfId !== undefined && this.has('retweets_off', readerId, userId)) return false;
    const answersAnother = replyToUserId !== undefined && replyToUserId !== userId && replyToUserId !== readerId;
    return !answersAnother || this.has('follows', readerId, replyToUserId);
  }

  /**
   * Whether the reader started to follow the answered user only after the reply. The reply was then not delivered,
   * but may stand behind the kept entries.
   */
  #lateReply(readerId: bigint, { userId, replyToUserId, step }: ModelTweet): boolean {
    if (replyToUserId === undefined || replyToUserId === userId || userId === readerId) return false;
    return (this.#edges.get(`follows ${readerId} ${replyToUserId}`) ?? 0) > step;
  }
}

const oldestFirst = (a: ModelTweet, b: ModelTweet): number => (a.id < b.id ? -1 : 1);
