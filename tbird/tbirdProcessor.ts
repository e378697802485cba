import { inTurns, limits, packIds } from '../core/index.js';
import {
  checkAnswerSize,
  type Caller,
  readOptions,
  writeOptions,
  serverInfoMethod,
  type ServiceOptions,
  thriftService,
  type ThriftService,
  kindsOf,
} from '../server/index.js';
import {
  column,
  countsToThrift,
  draftFromThrift,
  errorToThrift,
  fragmentsToThrift,
  mostFragmentBytes,
  required,
  TBirdProcessor,
  timelineFromThrift,
  tweetToThrift,
  type TBirdModule,
  type TBirdTypes,
  type Tweet,
} from '../wire/index.js';
import { tbirdRoles } from './tbirdRoles.js';
import type { TbirdService } from './tbirdService.js';

/** A tweet with the longest text and extra, in Thrift's binary form. */
const tweetBytes = limits.tweetCharacters * 4 + limits.tweetExtraBytes + 128;

/** The TBird service. Errors are RoostErrors, which the caller turns into RoostException. */
export function tbirdHandler(tbird: TbirdService, caller: Caller): TBirdModule.Client {
  const tweetsAt = async (ids: BigInt64Array, options: { readonly deadlineMs?: number }): Promise<Tweet[]> =>
    (await tbird.get(ids, options)).filter((tweet) => tweet !== undefined);
  const setState =
    (what: 'delete' | 'undelete') =>
    async (deletion: TBirdTypes.Deletion, options: Parameters<typeof writeOptions>[0]) => {
      const { ids, time } = required(deletion, 'deletion');
      await tbird[what](column(ids, 'ids'), { ...writeOptions(options, caller), ...(time == null ? {} : { time }) });
    };
  const related =
    (kind: 'replies' | 'retweets') =>
    async (request: TBirdTypes.RelatedRequest, options: Parameters<typeof readOptions>[0]) => {
      const { tweet_id: tweetId, count, before_id: beforeId } = required(request, 'request');
      const wanted = {
        tweetId: required(tweetId, 'tweet_id'),
        count: required(count, 'count'),
        ...(beforeId == null ? {} : { beforeId }),
      };
      return packIds(await tbird.related(kind, wanted, readOptions(options, caller)));
    };
  return {
    async reserve_ids(count, options) {
      return packIds(await tbird.reserveIds(required(count, 'count'), readOptions(options, caller)));
    },
    async create_tweets(drafts, options) {
      return packIds(
        await tbird.create(await inTurns(required(drafts, 'drafts'), draftFromThrift), writeOptions(options, caller)),
      );
    },
    async delete_tweets(deletion, options) {
      return setState('delete')(deletion, options);
    },
    async undelete_tweets(deletion, options) {
      return setState('undelete')(deletion, options);
    },
    async get_tweets(packed, withDeleted, options) {
      const ids = column(packed, 'ids');
      checkAnswerSize([ids.length], tweetBytes);
      const tweets = await tbird.get(ids, { ...readOptions(options, caller), deleted: withDeleted === true });
      return {
        tweets: tweets.filter((tweet) => tweet !== undefined).map(tweetToThrift),
        found: Buffer.from(tweets.map((tweet) => Number(tweet !== undefined))),
      };
    },
    async get_fragments(packed, format, options) {
      const ids = column(packed, 'ids');
      checkAnswerSize([ids.length], mostFragmentBytes);
      return fragmentsToThrift(await tbird.fragments(required(format, 'format'), ids, readOptions(options, caller)));
    },
    async timeline_fragments(request, format, options) {
      const wanted = timelineFromThrift(required(request, 'request'));
      checkAnswerSize([wanted.count], mostFragmentBytes);
      return fragmentsToThrift(
        await tbird.timelineFragments(required(format, 'format'), wanted, readOptions(options, caller)),
      );
    },
    async timeline_ids(request, options) {
      return packIds(
        await tbird.timeline(timelineFromThrift(required(request, 'request')), readOptions(options, caller)),
      );
    },
    async timeline(request, options) {
      const wanted = timelineFromThrift(required(request, 'request'));
      checkAnswerSize([wanted.count], tweetBytes);
      const read = readOptions(options, caller);
      return (await tweetsAt(await tbird.timeline(wanted, read), read)).map(tweetToThrift);
    },
    async scan_timeline(request, options) {
      const wanted = timelineFromThrift(required(request, 'request'));
      checkAnswerSize([wanted.count], tweetBytes);
      const { tweets, windowsRead, windows, tablesRead } = await tbird.scan(wanted, readOptions(options, caller));
      return { tweets: tweets.map(tweetToThrift), windows_read: windowsRead, windows, tables_read: tablesRead };
    },
    async reply_ids(request, options) {
      return related('replies')(request, options);
    },
    async retweet_ids(request, options) {
      return related('retweets')(request, options);
    },
    async tweet_counts(packed, options) {
      return countsToThrift(await tbird.counts(column(packed, 'ids'), readOptions(options, caller)));
    },
    async list_windows() {
      return (await tbird.windows()).map(({ startMs, endMs, firstId, phase, stripes, hosts }) => ({
        start_ms: BigInt(startMs),
        end_ms: BigInt(endMs),
        first_id: firstId,
        phase,
        stripes,
        hosts: [...hosts],
      }));
    },
    async list_dropped_windows() {
      return (await tbird.droppedWindows()).map(({ startMs, endMs, droppedAtMs, keptUntilMs, tables, back }) => ({
        start_ms: BigInt(startMs),
        end_ms: BigInt(endMs),
        dropped_at_ms: BigInt(droppedAtMs),
        kept_until_ms: BigInt(keptUntilMs),
        tables,
        back,
      }));
    },
  } as TBirdModule.Client;
}

/** The TBird service, for a ThriftServer's `processor`. */
export const tbirdProcessor = (tbird: TbirdService, { info, ...options }: ServiceOptions): ThriftService =>
  thriftService({
    ...options,
    Processor: TBirdProcessor,
    kinds: kindsOf(tbirdRoles, { reserve_ids: 'read', scan_timeline: 'background' }),
    handler: (caller) => ({ ...tbirdHandler(tbird, caller), ...serverInfoMethod(info) }),
    toException: (_method, error) => errorToThrift(error),
  });
