import { limits, RoostError } from '../core/index.js';
import { requireTweetFormat } from '../tbird/index.js';
import {
  checkAnswerSize,
  readOptions,
  serverInfoMethod,
  thriftService,
  type Caller,
  type ServiceOptions,
  type ThriftService,
  kindsOf,
} from '../server/index.js';
import {
  errorToThrift,
  fragmentsToThrift,
  homePageToThrift,
  homeRequestFromThrift,
  mostFragmentBytes,
  required,
  RoostTimelinesProcessor,
  TimelineSegment,
  TimelineSegmentState,
  TimelineStoreException,
  deadlineOf,
  until,
  activityPageToThrift,
  type HaplocheirusTypes,
  type TimelinesTypes,
  type ReadOptions,
  type RoostTimelinesModule,
  type WriteOptions,
} from '../wire/index.js';
import { timelineRoles } from './timelineRoles.js';
import { keyOf, type TimelineEntry } from './entry.js';
import type { RangeRequest, Segment, SpanRequest } from './timelines.js';
import type { HomeEntry } from './home/homeEntry.js';
import { PageTweets } from './pages/pageTweets.js';
import type { TimelinePages } from './pages/timelinePages.js';
import type { TimelineService } from './timelineService.js';

/** Timelines in one call. */
const timelinesPerCall = 1_000;

/** Haplocheirus's service, whose clients send no deadlines, and our own methods. */
function timelineHandler(service: TimelineService, caller: Caller): Omit<RoostTimelinesModule.Client, 'server_info'> {
  const { timelines, tbird } = service;
  const read = (): ReadOptions => ({ cancellation: caller.closed });
  const write = (): WriteOptions => ({ cancellation: caller.closed });
  const span = ({
    offset,
    length,
    dedupe,
  }: {
    offset: number;
    length: number;
    dedupe?: boolean | null;
  }): SpanRequest => ({
    offset: required(offset, 'offset'),
    length: required(length, 'length'),
    dedupe: dedupe === true,
  });
  const range = (given: { from_id: bigint; to_id: bigint; dedupe?: boolean | null }): RangeRequest => ({
    from: required(given.from_id, 'from_id'),
    to: required(given.to_id, 'to_id'),
    dedupe: given.dedupe === true,
  });
  const segments = async <Request>(
    requests: readonly Request[],
    one: (request: Request) => Promise<Segment | undefined>,
  ): Promise<HaplocheirusTypes.TimelineSegment[]> => {
    if (requests.length > timelinesPerCall)
      throw new RoostError(
        'InvalidArgument',
        `at most ${timelinesPerCall} timelines in one call, not ${requests.length}`,
      );
    // If one's arguments are refused at once, no other is left unawaited.
    return Promise.all(requests.map(async (request) => segmentOrState(one(request))));
  };
  const found = <T>(value: T | undefined, name: string): T => {
    if (value !== undefined) return value;
    throw new RoostError('NotFound', `there is no timeline ${name}`, { fields: { timeline: name } });
  };

  const pageRequest = (request: TimelinesTypes.HomeRequest, options: Parameters<typeof readOptions>[0]) => {
    const wanted = homeRequestFromThrift(required(request, 'request'));
    const { format } = request;
    if (format != null) requireTweetFormat(format);
    if (format != null) checkAnswerSize([wanted.count], mostFragmentBytes);
    const own = readOptions(options, caller);
    const deadline = deadlineOf(own);
    return { wanted, format, within: (): ReadOptions => ({ ...own, ...until(deadline) }) };
  };
  const tweetPage =
    (pages: TimelinePages<HomeEntry>) =>
    async (request: TimelinesTypes.HomeRequest, options: Parameters<typeof readOptions>[0]) => {
      const { wanted, format, within } = pageRequest(request, options);
      const tweets = new PageTweets(tbird, format ?? undefined);
      const { entries, ...page } = await pages.page(wanted, within(), tweets);
      const ids = entries.map(({ tweetId }) => tweetId);
      const answer = homePageToThrift({ ...page, ids });
      return format == null ? answer : { ...answer, tweets: fragmentsToThrift(ids.map((id) => tweets.fragment(id))) };
    };

  return {
    async append(entry, prefix, ids) {
      await timelines.append(required(entry, 'entry'), required(prefix, 'timeline_prefix'), idsOf(ids), write());
    },
    async remove(entry, prefix, ids) {
      await timelines.remove(required(entry, 'entry'), required(prefix, 'timeline_prefix'), idsOf(ids), write());
    },
    async filter(name, entries, maxSearch) {
      const given = required(entries, 'entries');
      const keys = new Map(given.map((entry: TimelineEntry) => [keyOf(entry), entry]));
      const there = found(
        await timelines.filter(required(name, 'timeline_id'), [...keys.keys()], searched(maxSearch), read()),
        name,
      );
      // Entries are returned as the caller knows them.
      return there.map((entry) => keys.get(keyOf(entry)) ?? entry);
    },
    async filter2(name, ids, maxSearch) {
      return found(
        await timelines.filter(required(name, 'timeline_id'), required(ids, 'id'), searched(maxSearch), read()),
        name,
      );
    },
    async get(name, offset, length, dedupe) {
      const request = span({ offset, length, dedupe });
      return toThrift(found(await timelines.get(required(name, 'timeline_id'), request, read()), name));
    },
    async get_multi(gets) {
      return segments(required(gets, 'gets'), (get) =>
        timelines.get(required(get.timeline_id, 'timeline_id'), span(get), read()),
      );
    },
    async get_range(name, fromId, toId, dedupe) {
      const request = range({ from_id: fromId, to_id: toId, dedupe });
      return toThrift(found(await timelines.range(required(name, 'timeline_id'), request, read()), name));
    },
    async get_range_multi(gets) {
      return segments(required(gets, 'get_ranges'), (get) =>
        timelines.range(required(get.timeline_id, 'timeline_id'), range(get), read()),
      );
    },
    async store(name, entries) {
      await timelines.store(required(name, 'timeline_id'), required(entries, 'entries'), write());
    },
    async merge(name, entries) {
      await timelines.merge(required(name, 'timeline_id'), required(entries, 'entries'), write());
    },
    async unmerge(name, entries) {
      await timelines.unmerge(required(name, 'timeline_id'), required(entries, 'entries'), write());
    },
    async merge_indirect(to, from) {
      return timelines.transfer(
        'merge',
        required(to, 'dest_timeline_id'),
        required(from, 'source_timeline_id'),
        write(),
      );
    },
    async unmerge_indirect(to, from) {
      return timelines.transfer(
        'unmerge',
        required(to, 'dest_timeline_id'),
        required(from, 'source_timeline_id'),
        write(),
      );
    },
    async delete_timeline(name) {
      await timelines.delete(required(name, 'timeline_id'), write());
    },
    home_timeline: tweetPage(service.home),
    user_timeline: tweetPage(service.user),
    mentions_timeline: tweetPage(service.mentions),
    async activity_timeline(request, options) {
      const { wanted, format, within } = pageRequest(request, options);
      const { entries: activity, ...page } = await service.activity.page(wanted, within());
      const answer = activityPageToThrift({ ...page, activity });
      if (format == null) return answer;
      const shown = activity.map(({ id, kind, tweetId }) =>
        kind === 'replied' || kind === 'mentioned' ? id : kind === 'followed' ? undefined : tweetId,
      );
      const found = await tbird.fragments(format, BigInt64Array.from(shown.filter((id) => id !== undefined)), within());
      let next = 0;
      const tweets = fragmentsToThrift(shown.map((id) => (id === undefined ? undefined : found[next++])));
      return { ...answer, tweets };
    },
    async timeline_reads() {
      return service.reads.map((reads) => ({ ...reads }));
    },
  };
}

const idsOf = (ids: readonly bigint[]): BigInt64Array => BigInt64Array.from(required(ids, 'timeline_ids'));

const searched = (maxSearch: number): number => Math.min(required(maxSearch, 'max_search'), limits.timelineEntries);

const toThrift = ({ entries, size }: Segment): HaplocheirusTypes.TimelineSegment =>
  new TimelineSegment({ entries: [...entries], size, state: TimelineSegmentState.HIT });

/** One of several timelines: if it is missing or late, the others are answered all the same. */
async function segmentOrState(reading: Promise<Segment | undefined>): Promise<HaplocheirusTypes.TimelineSegment> {
  try {
    const segment = await reading;
    return segment === undefined ? empty(TimelineSegmentState.MISS) : toThrift(segment);
  } catch (thrown) {
    const error = RoostError.from(thrown);
    if (!error.retryable) throw error;
    return empty(TimelineSegmentState.TIMEOUT);
  }
}

const empty = (state: HaplocheirusTypes.TimelineSegmentState): HaplocheirusTypes.TimelineSegment =>
  new TimelineSegment({ entries: [], size: 0, state });

/** Methods whose clients know RoostException. */
const ownMethods: ReadonlySet<string> = new Set([
  'server_info',
  'home_timeline',
  'user_timeline',
  'mentions_timeline',
  'activity_timeline',
  'timeline_reads',
]);

/** Haplocheirus's service and ours, for a ThriftServer's `processor`. */
export const timelineProcessor = (service: TimelineService, { info, ...options }: ServiceOptions): ThriftService =>
  thriftService({
    ...options,
    Processor: RoostTimelinesProcessor,
    kinds: kindsOf(timelineRoles),
    handler: (caller) => ({ ...timelineHandler(service, caller), ...serverInfoMethod(info) }),
    // For calls of several timelines, whose clients know only Thrift's own exception.
    toException: (method, error) =>
      ownMethods.has(method)
        ? errorToThrift(error)
        : Object.assign(new TimelineStoreException({ description: error.message }), { message: error.message }),
  });
