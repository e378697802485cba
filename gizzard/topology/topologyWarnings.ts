import type { Topology } from './topology.js';

/** What is allowed, and yet hardly meant. Each is a sentence. */
export function topologyWarnings(topology: Topology): string[] {
  return topology.tables.flatMap(({ tableId, name }) => {
    const lowest = topology.state.forwardings.reduce<bigint | undefined>(
      (least, forwarding) => (forwarding.tableId === tableId && (least === undefined || forwarding.baseId < least) ? forwarding.baseId : least),
      undefined,
    );
    if (lowest === undefined || lowest === 0n) return [];
    return [`table ${tableId} (${name}) has a gap in its key space: keys whose hash is below ${lowest} have no forwarding`];
  });
}
