import {
  serverInfoMethod,
  type ServiceOptions,
  thriftService,
  type ThriftService,
  kindsOf,
} from '../../server/index.js';
import { flockRoles } from './flockRoles.js';
import { errorToThrift, FlockException, RoostFlockProcessor } from '../../wire/index.js';
import { type FlockService } from '../flockService.js';
import { flockdbHandler, isFlockdbMethod } from './flockdbHandler.js';
import { roostHandler } from './roostHandler.js';

/** FlockDB's service and Roost's own methods, for a ThriftServer's `processor`. */
export const flockProcessor = (flock: FlockService, { info, ...options }: ServiceOptions): ThriftService =>
  thriftService({
    ...options,
    Processor: RoostFlockProcessor,
    kinds: kindsOf(flockRoles, { explain: 'background', locate: 'background' }),
    handler: (caller) => ({
      ...flockdbHandler(flock, caller),
      ...roostHandler(flock, caller),
      ...serverInfoMethod(info),
    }),
    toException: (method, error) =>
      isFlockdbMethod(method) ? new FlockException({ description: error.message }) : errorToThrift(error),
  });
