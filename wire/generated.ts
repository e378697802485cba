import type * as FlockDBModule from './gen/FlockDB.js';
import type * as FlockDBTypes from './gen/flockdb_types.js';
import type * as HaplocheirusTypes from './gen/haplocheirus_types.js';
import type * as InjectorTypes from './gen/injector_types.js';
import type * as JobInjectorModule from './gen/JobInjector.js';
import type * as RoostFlockModule from './gen/RoostFlock.js';
import type * as RoostTypes from './gen/roost_types.js';
import type * as TBirdModule from './gen/TBird.js';
import type * as TBirdTypes from './gen/tbird_types.js';
import type * as RoostTimelinesModule from './gen/RoostTimelines.js';
import type * as TimelinesTypes from './gen/timelines_types.js';
import type * as UsersModule from './gen/Users.js';
import type * as UsersTypes from './gen/users_types.js';

export { Client as AccessClient, Processor as AccessProcessor } from './gen/Access.js';
export { Client as JobInjectorClient, Processor as JobInjectorProcessor } from './gen/JobInjector.js';
export { JobException } from './gen/injector_types.js';
export {
  ExecuteOperationType,
  FlockException,
  Priority as PriorityNumber,
  SelectOperationType,
} from './gen/flockdb_types.js';
export { Client as RoostFlockClient, Processor as RoostFlockProcessor } from './gen/RoostFlock.js';
export { Acknowledgment as AcknowledgmentNumber, RoostException } from './gen/roost_types.js';
export { Client as TBirdClient, Processor as TBirdProcessor } from './gen/TBird.js';
export { Client as RoostTimelinesClient, Processor as RoostTimelinesProcessor } from './gen/RoostTimelines.js';
export { TimelineSegment, TimelineSegmentState, TimelineStoreException } from './gen/haplocheirus_types.js';
export { Client as UsersClient, Processor as UsersProcessor } from './gen/Users.js';

export type {
  FlockDBModule,
  FlockDBTypes,
  HaplocheirusTypes,
  InjectorTypes,
  JobInjectorModule,
  RoostFlockModule,
  RoostTypes,
  TBirdModule,
  TBirdTypes,
  RoostTimelinesModule,
  TimelinesTypes,
  UsersModule,
  UsersTypes,
};
