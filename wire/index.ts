export { writeBatchFromThrift, writeBatchToThrift } from './batchWrites.js';
export { BinaryReader } from './binaryReader.js';
export { BinaryWriter } from './binaryWriter.js';
export { declareService, type Declared, type DeclaredMethod, type DeclaredService } from './declareService.js';
export {
  checkEntries,
  edgeListsFromThrift,
  edgeListsToThrift,
  edgePageFromThrift,
  edgePageToThrift,
  edgesFromColumns,
  edgesToColumns,
  packCounts,
  packStates,
  turnedEdge,
  unpackCounts,
} from './edgeColumns.js';
export { column, edgeWritesFromThrift, edgeWritesToThrift } from './edgeWrites.js';
export { errorFromThrift, errorToThrift } from './errors.js';
export { explanationFromThrift, explanationToThrift } from './explanations.js';
export {
  AccessClient,
  AccessProcessor,
  AcknowledgmentNumber,
  ExecuteOperationType,
  FlockException,
  JobException,
  JobInjectorClient,
  JobInjectorProcessor,
  PriorityNumber,
  RoostException,
  RoostFlockClient,
  RoostFlockProcessor,
  RoostTimelinesClient,
  RoostTimelinesProcessor,
  SelectOperationType,
  TBirdClient,
  TBirdProcessor,
  TimelineSegment,
  TimelineSegmentState,
  TimelineStoreException,
  UsersClient,
  UsersProcessor,
  type FlockDBTypes,
  type HaplocheirusTypes,
  type InjectorTypes,
  type JobInjectorModule,
  type RoostFlockModule,
  type RoostTypes,
  type TBirdModule,
  type TBirdTypes,
  type RoostTimelinesModule,
  type TimelinesTypes,
  type UsersModule,
  type UsersTypes,
} from './generated.js';
export { fragmentsFromThrift, fragmentsToThrift, mostFragmentBytes } from './fragments.js';
export { idPageFromThrift, idPageToThrift } from './idPages.js';
export { jsonReady } from './jsonReady.js';
export { isMalformed, isOversized, malformed, oversized } from './malformed.js';
export { callBounds, type MessageBounds } from './messageBounds.js';
export { MessageSplitter } from './messageSplitter.js';
export { nodesFromColumns, nodesToColumns } from './nodeColumns.js';
export { acknowledgmentNumbers, operationNumbers, priorityNumbers } from './operations.js';
export { queryFromThrift, queryToThrift, termFromThrift, termToThrift } from './queries.js';
export { required, type Received } from './required.js';
export { stateFromByte, stateFromFlockdb, stateToByte, stateToFlockdb } from './states.js';
export {
  draftFromThrift,
  draftToThrift,
  timelineFromThrift,
  timelineToThrift,
  countsFromThrift,
  countsToThrift,
  tweetFromThrift,
  tweetToThrift,
} from './tweets.js';
export {
  activityPageFromThrift,
  activityPageToThrift,
  homePageFromThrift,
  homePageToThrift,
  homeRequestFromThrift,
  homeRequestToThrift,
  timelineReadsFromThrift,
} from './timelines.js';
export { maxMethodNameBytes, thriftType } from './thriftType.js';
export { UnframedScanner } from './unframedScanner.js';
export { userChangeFromThrift, userChangeToThrift, userFromThrift, userToThrift } from './users.js';
export * from './values/graph.js';
export * from './values/options.js';
export * from './values/timelines.js';
export * from './values/tweets.js';
export * from './values/users.js';
