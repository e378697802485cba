import { canMoveClocks } from '../../support/movedClock.js';
import { databaseFaults } from './databaseFaults.js';
import type { Fault } from './fault.js';
import { networkFaults } from './networkFaults.js';
import { redisFaults } from './redisFaults.js';
import { serverFaults, skippedServerFaults } from './serverFaults.js';
import { topologyFaults } from './topologyFaults.js';

export type { Fault } from './fault.js';

const maySetUpDisks = process.getuid?.() === 0;

/** All that may befall a cluster here. With more of them the same seeds draw others: a round is run again with `--faults`. */
export const faults: Readonly<Record<string, Fault>> = {
  ...serverFaults,
  ...databaseFaults(maySetUpDisks, canMoveClocks),
  ...redisFaults(maySetUpDisks, canMoveClocks),
  ...networkFaults,
  ...topologyFaults,
};

/** Those that cannot be brought about here, and why. */
export const skippedFaults: readonly string[] = [
  ...skippedServerFaults,
  ...(maySetUpDisks ? [] : ['fullDiskDb3, fullDiskRedis: only root may mount small disks']),
  ...(canMoveClocks ? [] : ['jumpingClockDb1, jumpingClockRedis, failOverBack: there is no C compiler']),
];
