import { hostsInUse } from './hostsInUse.js';
import type { Topology } from './topology.js';

/** Hosts that hold data by this topology, and that this process cannot reach, since its configuration does not name them. */
export const unknownHosts = (hosts: { has(name: string): boolean }, topology: Topology): readonly string[] =>
  hostsInUse(topology).filter((name) => !hosts.has(name));
