import { canMoveClocks } from '../../support/movedClock.js';
import { databaseFaults } from './databaseFaults.js';
import type { Fault } from './fault.js';
import { networkFaults } from './networkFaults.js';
import { redisFaults } from './redisFaults.js';
import { serverFaults, skippedServerFaults } from './serverFaults.js';
import { topologyFaults } from './topologyFaults.js';

export type { Fault } from './fault.js';

const maySetUpDisks = process.getuid?.() === 0;

/**
 * All faults that a cluster may have here. If faults are added, the same seeds draw others: run a round again with
 * `--faults`.
 */
export const faults: Readonly<Record<string, Fault>> = {
  ...serverFaults,
  ...databaseFaults(maySetUpDisks, canMoveClocks),
  ...redisFaults(maySetUpDisks, canMoveClocks),
  ...networkFaults,
  ...topologyFaults,
};

/** The faults that cannot be caused here, and why. */
export const skippedFaults: readonly string[] = [
  ...skippedServerFaults,
  ...(maySetUpDisks ? [] : ['fullDiskDb3, fullDiskRedis: only root may mount small disks']),
  ...(canMoveClocks ? [] : ['jumpingClockDb1, jumpingClockRedis, failOverBack: there is no C compiler']),
];
