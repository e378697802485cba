import { archive } from './archive.js';
import { busyShards } from './busyShards.js';
import type { Check } from './check.js';
import { deniedShards } from './deniedShards.js';
import { differingReplicas } from './differingReplicas.js';
import { damagedJobs, failingJobs } from './failingJobs.js';
import { journalFindings } from './journalFindings.js';
import { laggingReplicas } from './laggingReplicas.js';
import { links } from './links.js';
import { nameServerReplicas } from './nameServerReplicas.js';
import { restingWork } from './restingWork.js';
import { servers } from './servers.js';
import { silentHosts } from './silentHosts.js';
import { tables } from './tables.js';
import { unknownHosts } from './unknownHosts.js';
import { unknownJobs } from './unknownJobs.js';
import { unusedShards } from './unusedShards.js';
import { wrongClocks } from './wrongClocks.js';

/** The doctor's checks, in the order in which findings are shown. */
export const checks: readonly Check[] = [
  nameServerReplicas,
  unknownHosts,
  servers,
  restingWork,
  busyShards,
  links,
  unusedShards,
  tables,
  differingReplicas,
  deniedShards,
  laggingReplicas,
  failingJobs,
  damagedJobs,
  unknownJobs,
  wrongClocks,
  journalFindings,
  archive,
];

/** Those that cost so little that they may run every second, the most urgent first. */
export const quickChecks: readonly Check[] = [silentHosts, ...checks.filter(({ quick }) => quick === true)];
