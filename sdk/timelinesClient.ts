import { limits, parseId, type IdInput } from '../core/index.js';
import {
  activityPageFromThrift,
  fragmentsFromThrift,
  homePageFromThrift,
  homeRequestToThrift,
  RoostTimelinesClient,
  timelineReadsFromThrift,
  type ActivityPage,
  type RoostTimelinesModule,
  type TimelineReads,
  type TweetFormat,
  type TweetIdPage,
} from '../wire/index.js';
import type { CallOptions, Channel } from './channel.js';
import { askWho, type StoreClient } from './clusterService.js';

export interface HomeOptions extends CallOptions {
  /** 1 … limits.pageSize. Absent: 20. */
  readonly count?: number;
  /** Only entries with smaller (`before`) or greater (`since`) ids. */
  readonly before?: IdInput;
  readonly since?: IdInput;
}

/** A page with its tweets, one for each id, ready to be sent on. */
export interface TweetPage extends TweetIdPage {
  readonly tweets: readonly Buffer[];
}

/**
 * A page with the tweet to show for each entry: the reply, or the mentioning tweet, or else the user's tweet.
 * Undefined for a follow, and for a tweet that has been deleted since.
 */
export interface ShownActivityPage extends ActivityPage {
  readonly tweets: readonly (Buffer | undefined)[];
}

const defaultCount = 20;
type TweetPages = 'home_timeline' | 'user_timeline' | 'mentions_timeline';

/**
 * The timelines of a cluster, newest first. `nextBeforeId` of a page is `before` of the next one; pages go on down to
 * the oldest entry. Reading a timeline for the first time in a while rebuilds it: the reader waits up to 2 s, and
 * then gets what exists, marked `partial`. All methods throw `FailedPrecondition` if the cluster has no timelines.
 */
export class TimelinesClient {
  constructor(private readonly channel: Channel<RoostTimelinesModule.Client>) {}

  /** One page of ids from the home timeline: tweets of those whom the user follows, and the user's own. */
  home(user: IdInput, options: HomeOptions = {}): Promise<TweetIdPage> {
    return this.#ids('home_timeline', user, options);
  }

  /** The same page with its tweets, in one call. */
  homeFragments(format: TweetFormat, user: IdInput, options: HomeOptions = {}): Promise<TweetPage> {
    return this.#fragments('home_timeline', format, user, options);
  }

  /** All pages of ids. Tweets that arrive meanwhile are not included, and no id comes twice. */
  homePages(user: IdInput, options: HomeOptions = {}): AsyncGenerator<TweetIdPage, void, undefined> {
    return pages((before) => this.home(user, { ...options, ...before }));
  }

  /**
   * A user's own tweets, replies and retweets. Just after a create this list may lack the tweet;
   * `roost.tweets.timeline` has it.
   */
  user(user: IdInput, options: HomeOptions = {}): Promise<TweetIdPage> {
    return this.#ids('user_timeline', user, options);
  }

  userFragments(format: TweetFormat, user: IdInput, options: HomeOptions = {}): Promise<TweetPage> {
    return this.#fragments('user_timeline', format, user, options);
  }

  userPages(user: IdInput, options: HomeOptions = {}): AsyncGenerator<TweetIdPage, void, undefined> {
    return pages((before) => this.user(user, { ...options, ...before }));
  }

  /** Tweets that mention a user in their `mentions`, except between users one of whom blocks the other. */
  mentions(user: IdInput, options: HomeOptions = {}): Promise<TweetIdPage> {
    return this.#ids('mentions_timeline', user, options);
  }

  mentionsFragments(format: TweetFormat, user: IdInput, options: HomeOptions = {}): Promise<TweetPage> {
    return this.#fragments('mentions_timeline', format, user, options);
  }

  mentionsPages(user: IdInput, options: HomeOptions = {}): AsyncGenerator<TweetIdPage, void, undefined> {
    return pages((before) => this.mentions(user, { ...options, ...before }));
  }

  /**
   * What others did to a user and their tweets: favorites, retweets, replies, mentions and follows, as far as they
   * still hold.
   */
  async activity(user: IdInput, options: HomeOptions = {}): Promise<ActivityPage> {
    const request = pageRequest(user, options);
    return activityPageFromThrift(
      await this.channel.call((client, within) => client.activity_timeline(request, within), options),
    );
  }

  /** The same page with the tweets to show, in one call. */
  async activityFragments(format: TweetFormat, user: IdInput, options: HomeOptions = {}): Promise<ShownActivityPage> {
    const request = { ...pageRequest(user, options), format };
    const answer = await this.channel.call((client, within) => client.activity_timeline(request, within), options);
    const page = activityPageFromThrift(answer);
    const tweets = answer.tweets == null ? [] : fragmentsFromThrift(answer.tweets, page.activity.length);
    return Object.assign(page, { tweets });
  }

  activityPages(user: IdInput, options: HomeOptions = {}): AsyncGenerator<ActivityPage, void, undefined> {
    return pages((before) => this.activity(user, { ...options, ...before }));
  }

  /** Pages that one of the servers has read since its start, by kind of timeline and by where they came from. */
  async reads(options: CallOptions = {}): Promise<TimelineReads[]> {
    return (await this.channel.call((client) => client.timeline_reads(), options)).map(timelineReadsFromThrift);
  }

  async #ids(method: TweetPages, user: IdInput, options: HomeOptions): Promise<TweetIdPage> {
    const request = pageRequest(user, options);
    return homePageFromThrift(await this.channel.call((client, within) => client[method](request, within), options));
  }

  async #fragments(method: TweetPages, format: TweetFormat, user: IdInput, options: HomeOptions): Promise<TweetPage> {
    const request = { ...pageRequest(user, options), format };
    const page = await this.channel.call((client, within) => client[method](request, within), options);
    const ids = homePageFromThrift(page);
    const found = page.tweets == null ? [] : fragmentsFromThrift(page.tweets, ids.ids.length);
    return Object.assign(ids, { tweets: found.filter((tweet) => tweet !== undefined) });
  }
}

async function* pages<Page extends { readonly nextBeforeId?: bigint }>(
  read: (from: { readonly before?: bigint }) => Promise<Page>,
): AsyncGenerator<Page, void, undefined> {
  let page = await read({});
  for (;;) {
    yield page;
    if (page.nextBeforeId === undefined) return;
    page = await read({ before: page.nextBeforeId });
  }
}

const pageRequest = (user: IdInput, { count = defaultCount, before, since }: HomeOptions) =>
  homeRequestToThrift({
    userId: parseId(user),
    count,
    ...(before === undefined ? {} : { beforeId: parseId(before) }),
    ...(since === undefined ? {} : { sinceId: parseId(since) }),
  });

/** The service of timelines. */
export const timelinesService = {
  store: 'timeline',
  title: 'timelines',
  servers: 'timelineServers',
  defaultPort: 7666,
  port: ({ timeline_port: port }) => port,
  Client: RoostTimelinesClient,
  requestBytes: limits.timelineRequestBytes,
  probe: (client) => client.server_info(),
  info: askWho,
  open: (channel) => new TimelinesClient(channel),
} as const satisfies StoreClient<RoostTimelinesModule.Client, TimelinesClient>;
