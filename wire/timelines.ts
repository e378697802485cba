import { packIds, RoostError, unpackIds } from '../core/index.js';
import { checkEntries } from './edgeColumns.js';
import type { TimelinesTypes } from './generated.js';
import { jsonReady } from './jsonReady.js';
import { required, type Received } from './required.js';
import {
  activityKinds,
  type Activity,
  type ActivityPage,
  type HomeRequest,
  type TimelineReads,
  type TweetIdPage,
} from './values/timelines.js';

type RequestFields = Required<ConstructorParameters<typeof TimelinesTypes.HomeRequest>>[0] & object;

export const homeRequestToThrift = ({ userId, count, beforeId, sinceId }: HomeRequest): RequestFields => ({
  user_id: userId,
  count,
  ...(beforeId === undefined ? {} : { before_id: beforeId }),
  ...(sinceId === undefined ? {} : { since_id: sinceId }),
});

export const homeRequestFromThrift = (request: Received<TimelinesTypes.HomeRequest>): HomeRequest => ({
  userId: required(request.user_id, 'user_id'),
  count: required(request.count, 'count'),
  ...(request.before_id == null ? {} : { beforeId: request.before_id }),
  ...(request.since_id == null ? {} : { sinceId: request.since_id }),
});

export const homePageToThrift = ({ ids, partial, nextBeforeId }: TweetIdPage) => ({
  ids: packIds(ids),
  partial,
  ...(nextBeforeId === undefined ? {} : { next_before_id: nextBeforeId }),
});

export const homePageFromThrift = (page: Received<TimelinesTypes.HomePage>): TweetIdPage =>
  jsonReady({
    ids: [...unpackIds(required(page.ids, 'ids'))],
    partial: page.partial === true,
    ...(page.next_before_id == null ? {} : { nextBeforeId: page.next_before_id }),
  });

export const activityPageToThrift = ({ activity, partial, nextBeforeId }: ActivityPage) => ({
  ids: packIds(activity.map(({ id }) => id)),
  kinds: Buffer.from(activity.map(({ kind }) => activityKinds.indexOf(kind) + 1)),
  actor_ids: packIds(activity.map(({ actorId }) => actorId)),
  tweet_ids: packIds(activity.map(({ tweetId }) => tweetId ?? 0n)),
  partial,
  ...(nextBeforeId === undefined ? {} : { next_before_id: nextBeforeId }),
});

/** Throws `DataLoss` if the columns do not match, or contain a kind of a later version. */
export function activityPageFromThrift(page: Received<TimelinesTypes.ActivityPage>): ActivityPage {
  const ids = unpackIds(required(page.ids, 'ids'));
  const [actors, tweets] = [
    unpackIds(required(page.actor_ids, 'actor_ids')),
    unpackIds(required(page.tweet_ids, 'tweet_ids')),
  ];
  const kinds = required(page.kinds, 'kinds');
  for (const { length } of [actors, tweets, kinds]) checkEntries(length, ids.length);
  const activity = Array.from(ids, (id, i): Activity => {
    const kind = activityKinds[kinds[i]! - 1];
    if (kind === undefined) throw new RoostError('DataLoss', `there is no kind of activity ${kinds[i]}`);
    const tweetId = tweets[i]!;
    return jsonReady({ id, kind, actorId: actors[i]!, ...(tweetId !== 0n && { tweetId }) });
  });
  return jsonReady({
    activity,
    partial: page.partial === true,
    ...(page.next_before_id == null ? {} : { nextBeforeId: page.next_before_id }),
  });
}

export const timelineReadsFromThrift = (reads: Received<TimelinesTypes.TimelineReads>): TimelineReads =>
  jsonReady({
    kind: required(reads.kind, 'kind'),
    kept: required(reads.kept, 'kept'),
    rebuilt: required(reads.rebuilt, 'rebuilt'),
    partial: required(reads.partial, 'partial'),
    behind: required(reads.behind, 'behind'),
  });
