import { parseId, type IdInput } from '../core/index.js';
import {
  fragmentsFromThrift,
  homePageFromThrift,
  homeRequestToThrift,
  type RoostTimelinesModule,
  type TweetFormat,
  type TweetIdPage,
} from '../wire/index.js';
import type { CallOptions, Channel } from './channel.js';

export interface HomeOptions extends CallOptions {
  /** 1 … limits.pageSize. Absent: 20. */
  readonly count?: number;
  /** Only tweets with smaller, or greater, ids. */
  readonly before?: IdInput;
  readonly since?: IdInput;
}

/** A page with the tweets themselves, one for each id, ready to be sent on. */
export interface TweetPage extends TweetIdPage {
  readonly tweets: readonly Buffer[];
}

const defaultCount = 20;

/** The home timelines of a cluster: the tweets of those whom a user follows, and the user's own. Those of one user alone are `roost.tweets.timeline`. */
export class TimelinesClient {
  constructor(private readonly channel: Channel<RoostTimelinesModule.Client>) {}

  /**
   * A page of ids, newest first. There is no end before the oldest tweet of those who are followed. `nextBeforeId` is the `before` of the next page. Throws `FailedPrecondition` where the cluster has no
   * timelines.
   */
  async home(user: IdInput, options: HomeOptions = {}): Promise<TweetIdPage> {
    const request = homeRequest(user, options);
    return homePageFromThrift(
      await this.channel.call(
        (client, deadlineMs) => client.home_timeline(request, { deadline_ms: deadlineMs }),
        options,
      ),
    );
  }

  /** The same with the tweets, in one call. */
  async homeFragments(format: TweetFormat, user: IdInput, options: HomeOptions = {}): Promise<TweetPage> {
    const request = { ...homeRequest(user, options), format };
    const page = await this.channel.call(
      (client, deadlineMs) => client.home_timeline(request, { deadline_ms: deadlineMs }),
      options,
    );
    const ids = homePageFromThrift(page);
    const found = page.tweets == null ? [] : fragmentsFromThrift(page.tweets, ids.ids.length);
    return Object.assign(ids, { tweets: found.filter((tweet) => tweet !== undefined) });
  }

  /** All pages of ids, newest first. Tweets that come while it runs are left to the next reader: no id comes twice. */
  async *homePages(user: IdInput, options: HomeOptions = {}): AsyncGenerator<TweetIdPage, void, undefined> {
    let page = await this.home(user, options);
    for (;;) {
      yield page;
      if (page.nextBeforeId === undefined) return;
      page = await this.home(user, { ...options, before: page.nextBeforeId });
    }
  }
}

const homeRequest = (user: IdInput, { count = defaultCount, before, since }: HomeOptions) =>
  homeRequestToThrift({
    userId: parseId(user),
    count,
    ...(before === undefined ? {} : { beforeId: parseId(before) }),
    ...(since === undefined ? {} : { sinceId: parseId(since) }),
  });
