import type { Log, Metrics } from '../../../core/index.js';
import type { Gizzard } from '../../../gizzard/index.js';
import { GizzardException, ManagerProcessor, type ManagerModule } from '../../wire/index.js';
import { observed } from '../observed.js';
import type { ProcessorFactory } from '../requestGate.js';
import { jobMethods } from './jobMethods.js';
import { logMethods } from './logMethods.js';
import { moveMethods } from './moveMethods.js';
import { remoteMethods } from './remoteMethods.js';
import { topologyMethods } from './topologyMethods.js';

export type ManagerHandler = { readonly [Method in Exclude<keyof ManagerModule.Client, symbol>]: ManagerModule.Client[Method] };

export const managerHandler = (gizzard: Gizzard): ManagerHandler => ({
  ...topologyMethods(gizzard),
  ...moveMethods(gizzard),
  ...jobMethods(gizzard),
  ...logMethods(gizzard),
  ...remoteMethods(gizzard),
});

/** Gizzard's manager, for a ThriftServer's `processor`. */
export function managerProcessor(gizzard: Gizzard, options: { readonly metrics: Metrics; readonly log: Log }): ProcessorFactory {
  const handlerOf = observed(managerHandler(gizzard), { ...options, toException: (_method, error) => new GizzardException({ description: error.message }) });
  return (gate) => new ManagerProcessor(handlerOf(gate));
}
