import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../../core/index.js';
import type { Roost } from '../../sdk/index.js';
import { absent } from './history.js';
import type { Load, LoadTweet } from './load.js';
import { edgeRegister, isNormal } from './operations/edges.js';
import { favoriteRegister } from './operations/favorites.js';
import { tweetRegister } from './operations/tweets.js';

/** The time within which a timeline that is being rebuilt, or taken up again after it was emptied, is whole. */
const rebuiltWithinMs = 20_000;
/** The number of reads; replicas take turns in answering. */
const looks = 4;
const count = 1_000;

/** The values by register. */
export type Values = ReadonlyMap<string, string>;

const newestFirst = (a: bigint, b: bigint): number => (a < b ? 1 : -1);

const without = (some: readonly string[], others: readonly string[]): string =>
  some.filter((one) => !others.includes(one)).join();

/** Checks lists of tweets, their counts, and timelines against the tweets, edges and marks one by one. */
export class ListCheck {
  readonly #wrong: string[] = [];

  constructor(
    private readonly roost: Roost,
    private readonly load: Load,
    private readonly values: Values,
  ) {}

  async run(): Promise<string[]> {
    const { authors, commenters, readers } = this.load.ids;
    for (const author of [...authors(), ...commenters()]) await this.#checkAuthor(author);
    await this.#checkCounts();
    for (const reader of readers()) await this.#checkReader(reader);
    return this.#wrong;
  }

  /** Returns the ids of existing tweets, newest first. */
  #tweets(which: (tweet: LoadTweet, id: bigint) => boolean): bigint[] {
    return [...this.load.tweets]
      .filter(([id, tweet]) => this.#isThere(id) && which(tweet, id))
      .map(([id]) => id)
      .sort(newestFirst);
  }

  #isThere(id: bigint): boolean {
    return this.values.get(tweetRegister(id)) !== absent;
  }

  /**
   * Whether an entry may be missing: if a tweet was deleted and brought back, its entry may be missing until its
   * timeline is rebuilt, as decision 0080 says.
   */
  #mayLack(id: bigint): boolean {
    return this.load.history.of(tweetRegister(id)).some(({ value }) => value === absent);
  }

  async #checkAuthor(author: bigint): Promise<void> {
    const { roost } = this;
    const wanted = this.#tweets((tweet) => tweet.author === author);
    this.#same(`the tweets of ${author}`, await roost.tweets.timelineIds(author, { count: 800 }), wanted);
    const scanned = (await roost.tweets.scan(author, { count: 800 })).tweets.map(({ id }) => id);
    this.#same(`the scan of ${author}`, scanned, wanted);
    await this.#checkTimeline(`the user timeline of ${author}`, () => roost.timelines.user(author, { count }), wanted);
    await this.#checkActivity(author);
  }

  async #checkCounts(): Promise<void> {
    const { load, roost } = this;
    const ids = [...load.tweets.keys()];
    const counts = await roost.tweets.counts(ids);
    for (const [i, id] of ids.entries()) {
      const retweets = this.#tweets((tweet) => tweet.retweetOfId === id);
      const replies = this.#tweets((tweet) => tweet.replyToTweetId === id);
      const favorites = this.#fansOf(id);
      const wanted = [favorites, retweets, replies].map(({ length }) => BigInt(length));
      const counted = [counts[i]!.favorites, counts[i]!.retweets, counts[i]!.replies];
      if (String(counted) !== String(wanted))
        this.#wrong.push(
          `tweet ${id} counts ${counted.join()} favorites, retweets and replies, and has ${wanted.join()}`,
        );
      if (retweets.length > 0)
        this.#same(`the retweets of ${id}`, await roost.tweets.retweetIds(id, { count }), retweets);
      if (replies.length > 0) this.#same(`the replies to ${id}`, await roost.tweets.replyIds(id, { count }), replies);
    }
  }

  #fansOf(id: bigint): bigint[] {
    return this.load.ids.fans().filter((fan) => this.values.get(favoriteRegister(fan, id)) === 'normal');
  }

  /** Checks that a home timeline is the merge of the lists of those whom its reader follows. */
  async #checkReader(reader: bigint): Promise<void> {
    const { load, roost } = this;
    const authors = load.ids.authors().filter((author) => isNormal(this.values.get(edgeRegister(reader, author))!));
    await this.#checkTimeline(
      `the home timeline of ${reader}, who follows ${authors.join()},`,
      () => roost.timelines.home(reader, { count }),
      this.#tweets(({ author }) => authors.includes(author)),
    );
    await this.#checkTimeline(
      `the timeline of mentions of ${reader}`,
      () => roost.timelines.mentions(reader, { count }),
      this.#tweets(({ mentions }) => mentions?.includes(reader) === true),
    );
    await this.#checkActivity(reader);
  }

  async #checkActivity(user: bigint): Promise<void> {
    const { load, roost } = this;
    const optional = new Set<string>();
    const own = this.#tweets(({ author }) => author === user);
    const named = (kind: string, ...ids: readonly (bigint | undefined)[]): string => `${kind} ${ids.join(' ')}`;
    const wanted = [
      ...this.#tweets(() => true).flatMap((id) => {
        const { author, replyToTweetId, retweetOfId, mentions } = load.tweets.get(id)!;
        const original = retweetOfId ?? replyToTweetId;
        if (mentions?.includes(user) === true) return [[named('mentioned', author, undefined, id), id, id] as const];
        if (original === undefined || !own.includes(original)) return [];
        const kind = retweetOfId === undefined ? 'replied' : 'retweeted';
        return [[named(kind, author, original, id), id, original] as const];
      }),
      ...own.flatMap((id) => this.#fansOf(id).map((fan) => [named('favorited', fan, id), id, id] as const)),
    ];
    for (const [text, one, other] of wanted) if (this.#mayLack(one) || this.#mayLack(other)) optional.add(text);
    await this.#untilWhole(
      `the activity of ${user}`,
      async () => {
        const { activity, partial } = await roost.timelines.activity(user, { count });
        return {
          partial,
          items: activity.map(({ id, kind, actorId, tweetId }) =>
            kind === 'favorited' ? named(kind, actorId, tweetId) : named(kind, actorId, tweetId, id),
          ),
        };
      },
      wanted.map(([text]) => text),
      (text) => optional.has(text),
    );
  }

  #same(what: string, found: readonly bigint[], wanted: readonly bigint[]): void {
    if (String(found) === String(wanted)) return;
    const [a, b] = [found.map(String), wanted.map(String)];
    this.#wrong.push(
      `${what}: of others ${without(a, b)}, missing ${without(b, a)}${a.length === b.length ? ', or the order' : ''}`,
    );
  }

  #checkTimeline(
    what: string,
    read: () => Promise<{ readonly ids: readonly bigint[]; readonly partial: boolean }>,
    wanted: readonly bigint[],
  ): Promise<void> {
    return this.#untilWhole(
      what,
      async () => {
        const { ids, partial } = await read();
        return { partial, items: ids.map(String) };
      },
      wanted.map(String),
      (id) => this.#mayLack(BigInt(id)),
    );
  }

  async #untilWhole(
    what: string,
    read: () => Promise<{ readonly items: readonly string[]; readonly partial: boolean }>,
    wanted: readonly string[],
    mayLack: (item: string) => boolean,
  ): Promise<void> {
    const must = wanted.filter((item) => !mayLack(item));
    const deadline = Deadline.after(rebuiltWithinMs);
    for (let look = 0; look < looks;) {
      const { items, partial } = await read();
      if (partial && !deadline.passed) {
        await sleep(100);
        continue;
      }
      look++;
      const [extra, missing] = [without(items, wanted), without(must, items)];
      const twice = items.length - new Set(items).size;
      if (extra === '' && missing === '' && twice === 0 && !partial) continue;
      this.#wrong.push(
        `${what} has, of others: ${extra}, lacks ${missing}${twice > 0 ? `, has ${twice} twice` : ''}${partial ? ', and is partial' : ''}`,
      );
      return;
    }
  }
}
