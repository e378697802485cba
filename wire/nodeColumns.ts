import { packIds, unpackIds } from '../core/index.js';
import type { Node } from './values/graph.js';
import { checkEntries, noCounts, packCounts, unpackCounts } from './edgeColumns.js';
import type { RoostTypes } from './generated.js';
import { jsonReady } from './jsonReady.js';
import { stateFromByte, stateToByte } from './states.js';

export function nodesToColumns(nodes: readonly (Node | undefined)[]): RoostTypes.NodeColumns {
  return {
    colors: Buffer.from(nodes.map((node) => stateToByte(node?.color))),
    colored_at: packIds(nodes.map((node) => node?.coloredAt ?? 0n)),
    removed_through: packIds(nodes.map((node) => node?.removedThrough ?? -1n)),
    counts: packCounts(nodes.map((node) => node?.counts ?? noCounts)),
  };
}

/** Throws `DataLoss` where the answer does not have one entry for each of `length` nodes. */
export function nodesFromColumns(columns: RoostTypes.NodeColumns, length: number): (Node | undefined)[] {
  const coloredAt = unpackIds(columns.colored_at);
  const removedThrough = unpackIds(columns.removed_through);
  const counts = unpackCounts(columns.counts, length);
  for (const { length: entries } of [columns.colors, coloredAt, removedThrough]) checkEntries(entries, length);
  return counts.map((ofNode, i) => {
    const color = stateFromByte(columns.colors[i]);
    return color === undefined
      ? undefined
      : jsonReady({ color, coloredAt: coloredAt[i]!, removedThrough: removedThrough[i]!, counts: ofNode });
  });
}
