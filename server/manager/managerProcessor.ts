import { Deadline, limits, Semaphore } from '../../core/index.js';
import type { Gizzard } from '../../gizzard/index.js';
import type { Log, Metrics } from '../../process/index.js';
import { GizzardException, ManagerProcessor, type ManagerModule } from '../../wire/manager/index.js';
import type { Caller } from '../caller.js';
import { thriftService, type ThriftService } from '../thriftService.js';
import { jobMethods } from './jobMethods.js';
import { logMethods } from './logMethods.js';
import { managerName } from './managerName.js';
import { moveMethods } from './moveMethods.js';
import { remoteMethods } from './remoteMethods.js';
import { type KnownToTools, ShardClasses } from './shardClasses.js';
import { topologyMethods } from './topologyMethods.js';

export type ManagerHandler = {
  readonly [Method in Exclude<keyof ManagerModule.Client, symbol>]: ManagerModule.Client[Method];
};

/** `by`: the origin of its changes in the audit. `reload` fetches a newer topology; absent, for this process alone. */
const managerHandler = (
  gizzard: Gizzard,
  classes: ShardClasses,
  by: string,
  reload?: () => Promise<void>,
): ManagerHandler => ({
  ...topologyMethods(gizzard, classes, by, reload),
  ...moveMethods(gizzard, by),
  ...jobMethods(gizzard, by),
  ...logMethods(gizzard, classes, by),
  ...remoteMethods(gizzard, by),
});

type Methods = Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>;

/** Methods that change nothing. */
const isLook = (method: string): boolean =>
  /^(list|get|find|dump|is|log_get|log_entry_peek|queue_size|error_queue_size|shards_for)/.test(method);

/** The share of each host's connections for reads, and for changes. */
const share = 1 / 8;

/**
 * Gizzard's manager, for a ThriftServer's `processor`. Few of its calls run at once, each with one statement at a
 * time, so that the databases' connections remain for data whatever tools ask for; and a host that hangs under
 * changes does not affect reads.
 */
export function managerProcessor(
  gizzard: Gizzard,
  options: {
    readonly metrics: Metrics;
    readonly log: Log;
    readonly stores: readonly KnownToTools[];
    readonly reload?: () => Promise<void>;
  },
): ThriftService {
  const atOnce = Math.max(1, Math.floor(gizzard.config.pool.size * share));
  const [looks, changes] = [new Semaphore(atOnce), new Semaphore(atOnce)];
  const classes = new ShardClasses(options.stores);
  const handlerBy = (by: string): Methods => managerHandler(gizzard, classes, by, options.reload) as unknown as Methods;
  const inLanes = (caller: Caller): ManagerHandler =>
    Object.fromEntries(
      Object.entries(handlerBy('')).map(([name, { length }]) => {
        const look = isLook(name);
        const lane = look ? looks : changes;
        // The caller's identity is known once it has been shown, not when it connects.
        const inLane = (...args: unknown[]): Promise<unknown> =>
          lane.run(
            () => {
              const by = managerName(caller);
              if (!look) options.log.info({ method: name, by }, 'the manager got a call');
              return handlerBy(by)[name]!(...args);
            },
            Deadline.after(limits.managerWaitMs, caller.closed),
            'waiting for other calls of the manager',
          );
        return [name, Object.defineProperty(inLane, 'length', { value: length })];
      }),
    ) as unknown as ManagerHandler;
  return thriftService({
    ...options,
    Processor: ManagerProcessor,
    kinds: 'control',
    handler: inLanes,
    toException: (_method, error) => new GizzardException({ description: error.message }),
  });
}
