import type { Log, Metrics } from '../../core/index.js';
import type { FlockService } from '../../flock/index.js';
import { errorToThrift, FlockException, RoostFlockProcessor } from '../wire/index.js';
import { flockdbHandler, isFlockdbMethod } from './flockdbHandler.js';
import { observed } from './observed.js';
import type { ProcessorFactory } from './requestGate.js';
import { roostHandler } from './roostHandler.js';

/** The FlockDB service and Roost's own methods beside it, for a ThriftServer's `processor`. */
export function flockProcessor(flock: FlockService, options: { readonly metrics: Metrics; readonly log: Log }): ProcessorFactory {
  const handlerOf = observed(
    { ...flockdbHandler(flock), ...roostHandler(flock) },
    {
      ...options,
      toException: (method, error) => (isFlockdbMethod(method) ? new FlockException({ description: error.message }) : errorToThrift(error)),
    },
  );
  return (gate) => new RoostFlockProcessor(handlerOf(gate));
}
