import { createRequire } from 'node:module';
import type * as FlockDBModule from '../gen/FlockDB.js';
import type * as FlockDBTypes from '../gen/flockdb_types.js';
import type * as InjectorTypes from '../gen/injector_types.js';
import type * as JobInjectorModule from '../gen/JobInjector.js';
import type * as ManagerModule from '../gen/Manager.js';
import type * as ManagerTypes from '../gen/manager_types.js';
import type * as RoostFlockModule from '../gen/RoostFlock.js';
import type * as RoostTypes from '../gen/roost_types.js';
import type * as TBirdModule from '../gen/TBird.js';
import type * as TBirdTypes from '../gen/tbird_types.js';
import type * as UsersModule from '../gen/Users.js';
import type * as UsersTypes from '../gen/users_types.js';

// Required, not imported: the generated code is CommonJS, and test runners that transform sources would take it for a module.
const require = createRequire(import.meta.url);
const flockdbTypes = require('../gen/flockdb_types.js') as typeof FlockDBTypes;
const roostTypes = require('../gen/roost_types.js') as typeof RoostTypes;

export const { Client: RoostFlockClient, Processor: RoostFlockProcessor } = require('../gen/RoostFlock.js') as typeof RoostFlockModule;
export const { FlockException, SelectOperationType, ExecuteOperationType } = flockdbTypes;
export const { RoostException, Acknowledgement } = roostTypes;
export const { Priority } = flockdbTypes;
export const { Client: ManagerClient, Processor: ManagerProcessor } = require('../gen/Manager.js') as typeof ManagerModule;
export const { GizzardException, HostStatus } = require('../gen/manager_types.js') as typeof ManagerTypes;
export const { Client: JobInjectorClient, Processor: JobInjectorProcessor } = require('../gen/JobInjector.js') as typeof JobInjectorModule;
export const { JobException } = require('../gen/injector_types.js') as typeof InjectorTypes;
export const { Client: TBirdClient, Processor: TBirdProcessor } = require('../gen/TBird.js') as typeof TBirdModule;
export const { Client: UsersClient, Processor: UsersProcessor } = require('../gen/Users.js') as typeof UsersModule;

export type { FlockDBModule, FlockDBTypes, InjectorTypes, JobInjectorModule, ManagerModule, ManagerTypes, RoostFlockModule, RoostTypes, TBirdModule, TBirdTypes, UsersModule, UsersTypes };
