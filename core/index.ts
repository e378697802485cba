export type { Address } from './address.js';
export { atMost } from './atMost.js';
export { Backoff } from './backoff.js';
export { BackgroundLoop, type LoopOptions } from './backgroundLoop.js';
export { Cancellation } from './cancellation.js';
export { HybridClock, systemMicros, type Micros } from './clock.js';
export { appendTo, chunks, groupBy } from './collections.js';
export { cutText } from './cutText.js';
export { Deadline, deadlineExceeded, type Observation } from './deadline.js';
export {
  errorCodes,
  isRoostError,
  RoostError,
  type ErrorCode,
  type ErrorFields,
  type RoostErrorOptions,
  type WireError,
} from './errors.js';
export { Health } from './health.js';
export {
  isId,
  maxId,
  maxInt64,
  minInt64,
  packIds,
  parseCount,
  parseId,
  parseInt64,
  unpackIds,
  type IdInput,
} from './ids.js';
export { JournalClock } from './journalClock.js';
export { inOrder, inParallel } from './inParallel.js';
export { jsonForm, jsonText } from './jsonText.js';
export { isLoopback } from './loopback.js';
export { evenRanges } from './evenRanges.js';
export { limits } from './limits.js';
export { giveWay, inTurns } from './loopTurn.js';
export { priorities, type Priority } from './priority.js';
export {
  composeSnowflake,
  firstIdAt,
  firstSnowflakeId,
  isSnowflake,
  parseSnowflake,
  snowflakeEpochMs,
  snowflakesPerMs,
  snowflakeTimeMs,
  snowflakeWorkers,
  type Snowflake,
} from './snowflake.js';
export {
  failSpan,
  instrumentationName,
  type SpanAttributes,
  type OpenTelemetry,
  type Span,
  spanKinds,
  type SpanKind,
  type SpanOptions,
} from './openTelemetry.js';
export { pause } from './pause.js';
export { Semaphore } from './semaphore.js';
export { reasonOf, tlsTrouble } from './tlsTrouble.js';
export { TopCounts } from './topCounts.js';
export { loggedTrace, Trace, Tracing } from './tracing.js';
export { whatStays } from './whatStays.js';
export { writeIdentityBytes, type WriteIdentity } from './writeIdentity.js';
export { writeSoon } from './writeSoon.js';
