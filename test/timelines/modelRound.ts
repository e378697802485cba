import { checkTimelines, type TimelineService } from '../../timeline/index.js';
import { PageTweets } from '../../timeline/pages/pageTweets.js';
import { seededRandom } from '../moving/seededRandom.js';
import { HomeModel, type Expected, type ModelGraph } from './homeModel.js';
import { untilQuiet } from './timelineCluster.js';

const users = 8;
const walksPerRound = 16;
let rounds = 0;

/**
 * Whether tweets are pushed into timelines or pulled by readers. `mixed`: sometimes all push, sometimes all pull, and
 * mostly by how often readers read and authors post.
 */
export const modes = ['push', 'pull', 'mixed'] as const;
export type DeliveryMode = (typeof modes)[number];

/**
 * Runs a round of random deeds, and compares all home timelines with the model's. Returns the differences. Timelines
 * keep `keep` entries. If other services deliver what this service writes, they must be set to the mode themselves.
 */
export async function modelRound(
  service: TimelineService,
  seed: number,
  keep: number,
  mode: DeliveryMode,
): Promise<string[]> {
  const round = new ModelRound(service, seed, keep, mode);
  return round.run();
}

const pullAll = 1e9;
/** The ratio of reads to posts from which tweets are pushed, if that decides. */
const mixedRatio = 0.1;

class ModelRound {
  readonly #random: (below: number) => number;
  readonly #model: HomeModel;
  readonly #users: readonly bigint[];
  readonly #problems: string[] = [];
  readonly #deeds: number;
  /** Tweets that the walks in progress must find. */
  #frozen = new Set<bigint>();

  constructor(
    private readonly service: TimelineService,
    seed: number,
    keep: number,
    private readonly mode: DeliveryMode,
  ) {
    this.#random = seededRandom(seed);
    const small = this.#random(2) === 0;
    this.#deeds = small ? keep : keep * 8;
    this.#model = new HomeModel(small && mode === 'push');
    const first = (++rounds * 1_000_003 + (seed % 1_000)) * 100;
    this.#users = Array.from({ length: users }, (_, i) => BigInt(first + i));
  }

  async run(): Promise<string[]> {
    const { home, activity, gizzard } = this.service;
    this.#decide();
    for (let i = 0; i < users * 3; i++) await this.#edge('follows', true);
    // Some readers come at the start, some later, and some when all is over.
    for (let i = 0; i < this.#deeds; i++) {
      await this.#deed();
      if (this.#random(8) === 0) {
        const userId = this.#anyone();
        await Promise.all([home, activity].map((pages) => pages.page({ userId, count: 5 })));
      }
    }
    await untilQuiet(gizzard);
    await this.#compareAll();
    this.#frozen = new Set(this.#model.tweets.keys());
    await this.#walksUnderWrites();
    await untilQuiet(gizzard);
    await this.#compareAll();
    return this.#problems;
  }

  async #compareAll(): Promise<void> {
    const { faults, found } = await checkTimelines(this.service, { settleMs: 500 });
    if (faults > 0) this.#problems.push(...found);
    await Promise.all(
      this.#users.map(async (userId) => {
        const expected = this.#model.home(userId);
        this.#compare(`home of ${userId}`, expected, await this.#walk(userId));
        const activity = this.#model.activity(userId).join();
        const found = (await this.#walkActivity(userId)).sort().join();
        if (found !== activity) this.#problems.push(`activity of ${userId}: ${found}, not ${activity}`);
        const ids = [...this.#model.tweets.keys()];
        const sinceId = ids[this.#random(ids.length)];
        if (sinceId === undefined) return;
        const newer = { ...expected, ids: expected.ids.filter((id) => id > sinceId) };
        this.#compare(`home of ${userId} since ${sinceId}`, newer, await this.#walk(userId, sinceId));
      }),
    );
  }

  #compare(what: string, { ids, optional }: Expected, found: readonly bigint[]): void {
    const seen = found.filter((id) => !optional.has(id));
    if (seen.join() !== ids.join()) {
      const missing = ids.filter((id) => !found.includes(id)).map((id) => this.#model.describe(id));
      const extra = seen.filter((id) => !ids.includes(id)).map((id) => this.#model.describe(id));
      this.#problems.push(`${what}: missing ${missing.join()}, not expected ${extra.join()}, ${found.length} found`);
    }
    this.#ordered(what, found);
  }

  #ordered(what: string, found: readonly bigint[]): void {
    for (const [i, id] of found.entries())
      if (i > 0 && found[i - 1]! <= id) this.#problems.push(`${what}: ${id} behind ${found[i - 1]!}`);
  }

  async #walk(userId: bigint, sinceId?: bigint): Promise<bigint[]> {
    const found: bigint[] = [];
    for (;;) {
      const beforeId = found.at(-1);
      const count = 1 + this.#random(9);
      const format = this.#random(2) === 0 ? 'short' : undefined;
      const tweets = new PageTweets(this.service.tbird, format);
      const { entries, partial } = await this.service.home.page(
        {
          userId,
          count,
          ...(beforeId !== undefined && { beforeId }),
          ...(sinceId !== undefined && { sinceId }),
        },
        {},
        tweets,
      );
      for (const { tweetId } of entries)
        if (format !== undefined && tweets.fragment(tweetId) === undefined)
          this.#problems.push(`a page of ${userId} has ${tweetId} without its fragment`);
      if (partial) this.#problems.push(`a page of ${userId} is partial`);
      found.push(...entries.map(({ tweetId }) => tweetId));
      if (entries.length < count) return found;
    }
  }

  async #walkActivity(userId: bigint): Promise<string[]> {
    const found: string[] = [];
    for (let beforeId: bigint | undefined; ;) {
      const count = 1 + this.#random(9);
      const page = await this.service.activity.page({ userId, count, ...(beforeId !== undefined && { beforeId }) });
      if (page.partial) this.#problems.push(`a page of the activity of ${userId} is partial`);
      found.push(...page.entries.map(({ kind, actorId, tweetId }) => `${kind} ${actorId} ${tweetId ?? ''}`));
      beforeId = page.nextBeforeId;
      if (beforeId === undefined) return found;
    }
  }

  async #walksUnderWrites(): Promise<void> {
    let walking = true;
    const writes = async (): Promise<void> => {
      while (walking) await (this.#random(4) === 0 ? this.#delete() : this.#tweet());
    };
    const walks = async (): Promise<void> => {
      for (let i = 0; i < walksPerRound / 4; i++) {
        const userId = this.#anyone();
        const { ids } = this.#model.home(userId);
        const found = await this.#walk(userId);
        this.#ordered(`a walk of ${userId}`, found);
        const seen = new Set(found);
        const missing = ids.filter((id) => this.#frozen.has(id) && !seen.has(id));
        if (missing.length > 0) this.#problems.push(`a walk of ${userId} missed ${missing.join()}`);
      }
    };
    const writing = writes();
    await Promise.all([walks(), walks(), walks(), walks()]).finally(() => (walking = false));
    await writing;
  }

  #anyone(): bigint {
    return this.#users[this.#random(users)]!;
  }

  #anyTweet(): bigint | undefined {
    const ids = [...this.#model.tweets.keys()];
    return ids[this.#random(ids.length)];
  }

  #decide(): void {
    const { costs } = this.service;
    const mixed = (mixedRatio * costs.pullSeconds) / costs.pushSeconds;
    const pushThreshold =
      this.mode === 'push' ? 0 : this.mode === 'pull' ? pullAll : [0, pullAll, mixed, mixed][this.#random(4)]!;
    Object.assign(costs, { threshold: pushThreshold });
  }

  async #deed(): Promise<void> {
    if (this.#random(10) === 0) this.#decide();
    const which = this.#random(20);
    if (which < 10) await this.#tweet();
    else if (which < 13) await this.#edge('follows', true);
    else if (which < 15) await this.#edge('follows', false);
    else if (which < 16) await this.#edge('blocks', this.#random(2) === 0);
    else if (which < 17) await this.#edge('retweets_off', this.#random(2) === 0);
    else if (which < 18) await this.#favorite();
    else if (which < 19) await this.#delete();
    else await this.#undelete();
  }

  async #tweet(): Promise<void> {
    const userId = this.#anyone();
    const other = this.#model.tweets.get(this.#anyTweet() ?? -1n);
    const kind = other === undefined ? 0 : this.#random(4);
    const replyToUserId = kind === 1 ? other!.userId : undefined;
    const retweetOfId = kind === 2 && other!.retweetOfId === undefined ? other!.id : undefined;
    const replyToTweetId = kind === 1 ? other!.id : undefined;
    const mentions = kind === 3 ? [this.#anyone()] : [];
    const [id] = await this.service.tbird.create([
      {
        userId,
        text: 'by the model',
        ...(mentions.length > 0 && { mentions }),
        ...(replyToUserId !== undefined && { replyToUserId, replyToTweetId: other!.id }),
        ...(retweetOfId !== undefined && { retweetOfId }),
      },
    ]);
    this.#model.add({ id: id!, userId, replyToUserId, replyToTweetId, retweetOfId, mentions });
  }

  async #delete(): Promise<void> {
    const tweet = this.#model.tweets.get(this.#anyTweet() ?? -1n);
    if (tweet === undefined || this.#frozen.has(tweet.id)) return;
    await this.service.tbird.delete(BigInt64Array.of(tweet.id));
    tweet.deleted = true;
  }

  async #undelete(): Promise<void> {
    const tweet = [...this.#model.tweets.values()].find(({ deleted }) => deleted);
    if (tweet === undefined) return;
    await this.service.tbird.undelete(BigInt64Array.of(tweet.id));
    tweet.deleted = false;
  }

  /** Marks a tweet, or takes the mark back. */
  async #favorite(): Promise<void> {
    const tweetId = this.#anyTweet();
    if (tweetId !== undefined) await this.#write('tweet_favorites', this.#random(4) > 0, this.#anyone(), tweetId);
  }

  async #edge(graph: 'follows' | 'blocks' | 'retweets_off', there: boolean): Promise<void> {
    const [from, to] = [this.#anyone(), this.#anyone()];
    if (from !== to) await this.#write(graph, there, from, to);
  }

  async #write(graph: ModelGraph, there: boolean, from: bigint, to: bigint): Promise<void> {
    await this.service.flock.write({
      graphId: this.service.flock.graph(graph).id,
      operations: there ? 'add' : 'remove',
      sourceIds: BigInt64Array.of(from),
      destinationIds: BigInt64Array.of(to),
    });
    this.#model.set(graph, from, to, there);
  }
}
