export { makeEntry, keyOf, secondaryKeyCounts, type TimelineEntry } from './entry.js';
export { kindNames, type KindName } from './pages/rebuildJob.js';
export type { HomeEntry } from './home/homeEntry.js';
export type { TimelinePage, TimelinePages } from './pages/timelinePages.js';
export type { HomeRequest } from '../wire/index.js';
export type { ReadRule } from './home/visibility.js';
export type { Timelines, RangeRequest, Segment, SpanRequest } from './timelines.js';
export { openTimelines, timelineStore, timelineStoreWith } from './timelineStore.js';
export { TimelineService, type TimelineSetup } from './timelineService.js';
