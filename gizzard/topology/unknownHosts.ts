import { hostsInUse } from './hostsInUse.js';
import type { Topology } from './topology.js';

/** Hosts with data that this process cannot reach, because its configuration does not name them. */
export const unknownHosts = (hosts: { has(name: string): boolean }, topology: Topology): readonly string[] =>
  hostsInUse(topology).filter((name) => !hosts.has(name));
