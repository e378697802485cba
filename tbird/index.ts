export { checkTweets, type TweetCheckOptions, type TweetCheckReport, type TweetFault } from './checkTweets.js';
export { TweetCaches } from './cached/tweetCaches.js';
export { renderTweets, requireTweetFormat } from './cached/tweetFormats.js';
export { IdGenerator, type IdGeneratorOptions } from './ids/idGenerator.js';
export { SqlWorkerLeases, type WorkerLeaseOptions } from './ids/sqlWorkerLeases.js';
export type { WorkerLease, WorkerLeases } from './ids/workerLease.js';
export { tbirdConfig } from './tbirdConfig.js';
export { openTbird, tbirdStore, tbirdStoreWith, type TbirdTimes } from './tbirdStore.js';
export { Tbird, type SetupOptions, type TbirdOptions } from './tbird.js';
export type { TweetsWritten } from './tweetsWritten.js';
export { tweetGraph } from './tweetGraphs.js';
export { tweetGraphNames } from './tweetIndex.js';
export type { TbirdService } from './tbirdService.js';
export type { TweetContent } from './tweet.js';
export type { TweetGraphs } from './tweetIndex.js';
export { kindStates, type TweetKind } from './tweetKind.js';
export { characterCount, contentOf } from './tweetRules.js';
export type { ClusterClocks } from './windows/clusterClocks.js';
export { routingKey, windowAt, windowOf, type TimeWindow } from './windows/timeWindows.js';
export { tweetsTableId, type StoredWindow } from './windows/windowMap.js';
export type { PolicyInput, WindowPolicy } from './windows/windowPolicy.js';
export type { RollReport, Windows } from './windows/windows.js';
export {
  tweetFormats,
  type Acknowledgment,
  type DroppedWindow,
  type ReadOptions,
  type ScannedTimeline,
  type TimedWriteOptions,
  type TimelineRequest,
  type Tweet,
  type TweetCounts,
  type TweetDraft,
  type TweetFormat,
  type WindowInfo,
  type WindowToDrop,
  type WriteOptions,
} from '../wire/index.js';
export type { Priority } from '../core/index.js';
