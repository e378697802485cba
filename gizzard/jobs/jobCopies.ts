import type { Priority } from '../../core/index.js';
import type { Topology } from '../topology/topology.js';
import type { JobCopies } from './journal.js';

/** The remote clusters and fan-outs that get a copy of each job; without `replicate` no remote cluster does. */
export function copiesOf({ version, state }: Topology, priority: Priority, replicate: boolean): JobCopies {
  const { remoteHosts, fanouts } = state;
  return {
    version: replicate ? version : Number.MAX_SAFE_INTEGER,
    remotes: replicate
      ? [...new Set(remoteHosts.filter(({ status }) => status !== 'blackholed').map(({ cluster }) => cluster))]
      : [],
    fanouts: fanouts.filter((fanout) => fanout.priority === priority).map(({ suffix }) => suffix),
  };
}
