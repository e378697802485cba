import type { Topology } from './topology.js';
import { shardKey } from './types.js';

/** Sentences about parts that are allowed and hardly intended. */
export const topologyWarnings = (topology: Topology): string[] => [
  ...gaps(topology),
  ...unlinked(topology),
  ...unread(topology),
];

/** Trees without a shard that holds data. */
const unlinked = (topology: Topology): string[] =>
  topology.tables.flatMap(({ tableId, name }) =>
    topology
      .routes(tableId)
      .filter(({ leadsNowhere }) => leadsNowhere)
      .map(
        ({ root }) =>
          `table ${tableId} (${name}): nothing below ${shardKey(root.id)} holds data; its writes wait, and it cannot be read`,
      ),
  );

/** Trees that are written and not read. */
const unread = (topology: Topology): string[] =>
  topology.tables.flatMap(({ tableId, name }) =>
    topology
      .routes(tableId)
      .filter(
        ({ leaves }) => leaves.some(({ write }) => write === 'allow') && !leaves.some(({ read }) => read === 'allow'),
      )
      .map(({ root }) => `table ${tableId} (${name}): nothing below ${shardKey(root.id)} is read`),
  );

function gaps(topology: Topology): string[] {
  return topology.tables.flatMap(({ tableId, name }) => {
    const lowest = topology.state.forwardings.reduce<bigint | undefined>(
      (least, forwarding) =>
        forwarding.tableId === tableId && (least === undefined || forwarding.baseId < least)
          ? forwarding.baseId
          : least,
      undefined,
    );
    if (lowest === undefined || lowest === 0n) return [];
    return [
      `table ${tableId} (${name}) has a gap in its key space: keys whose hash is below ${lowest} have no forwarding`,
    ];
  });
}
