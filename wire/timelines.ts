import { packIds, unpackIds } from '../core/index.js';
import type { TimelinesTypes } from './generated.js';
import { jsonReady } from './jsonReady.js';
import { required, type Received } from './required.js';
import type { HomeRequest, TweetIdPage } from './values/timelines.js';

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
