import { databaseFaults } from './databaseFaults.js';
import type { Fault } from './fault.js';
import { networkFaults } from './networkFaults.js';
import { redisFaults } from './redisFaults.js';
import { serverFaults, skippedServerFaults } from './serverFaults.js';
import { topologyFaults } from './topologyFaults.js';

export type { Fault } from './fault.js';

const maySetUpDisks = process.getuid?.() === 0;

/** All that may befall a cluster here. A name stays where it is, so that seeds draw the same again. */
export const faults: Readonly<Record<string, Fault>> = {
  ...serverFaults,
  ...databaseFaults(maySetUpDisks),
  ...redisFaults(maySetUpDisks),
  ...networkFaults,
  ...topologyFaults,
};

/** Those that cannot be brought about here, and why. */
export const skippedFaults: readonly string[] = [
  ...skippedServerFaults,
  ...(maySetUpDisks ? [] : ['fullDiskDb3, fullDiskRedis: only root may mount small disks']),
];
