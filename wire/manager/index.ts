// Apart from wire/index.ts: a third of all generated code, which the client's users never call.
import type * as ManagerModule from '../gen/Manager.js';
import type * as ManagerTypes from '../gen/manager_types.js';

export { Client as ManagerClient, Processor as ManagerProcessor } from '../gen/Manager.js';
export { GizzardException, HostStatus } from '../gen/manager_types.js';
export type { ManagerModule, ManagerTypes };
