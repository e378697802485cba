export { makeEntry, keyOf, secondaryKeyCounts, type Entry } from './entry.js';
export type { HomeEntry } from './home/homeEntry.js';
export type { HomePage, HomeTimelines } from './home/homeTimelines.js';
export type { HomeRequest } from '../wire/index.js';
export type { ReadRule } from './home/visibility.js';
export type { Timelines, RangeRequest, Segment, SpanRequest } from './timelines.js';
export {
  openTimelines,
  timelineStore,
  timelineStoreWith,
  TimelineService,
  type TimelineSetup,
} from './timelineStore.js';
