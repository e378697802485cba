import type { FlockService } from '../flock/index.js';
import type { Log, Metrics } from '../process/index.js';
import { errorToThrift, FlockException, RoostFlockProcessor } from '../wire/index.js';
import { flockdbHandler, isFlockdbMethod } from './flockdbHandler.js';
import { roostHandler } from './roostHandler.js';
import { serverInfoMethod, type ServerInfo } from './serverInfo.js';
import { thriftService, type ThriftService } from './thriftService.js';

/** The FlockDB service and Roost's own methods beside it, for a ThriftServer's `processor`. */
export const flockProcessor = (
  flock: FlockService,
  { info, ...options }: { readonly metrics: Metrics; readonly log: Log; readonly info?: () => ServerInfo },
): ThriftService =>
  thriftService({
    ...options,
    Processor: RoostFlockProcessor,
    handler: (caller) => ({
      ...flockdbHandler(flock, caller),
      ...roostHandler(flock, caller),
      ...serverInfoMethod(info),
    }),
    toException: (method, error) =>
      isFlockdbMethod(method) ? new FlockException({ description: error.message }) : errorToThrift(error),
  });
