import { packIds, unpackIds } from '../core/index.js';
import type { Node } from './values/graph.js';
import { checkEntries, noCounts, packCounts, unpackCounts } from './edgeColumns.js';
import type { RoostTypes } from './generated.js';
import { jsonReady } from './jsonReady.js';
import { stateFromByte, stateToByte } from './states.js';

export function nodesToColumns(nodes: readonly (Node | undefined)[]): RoostTypes.NodeColumns {
  return {
    colours: Buffer.from(nodes.map((node) => stateToByte(node?.colour))),
    coloured_at: packIds(nodes.map((node) => node?.colouredAt ?? 0n)),
    removed_through: packIds(nodes.map((node) => node?.removedThrough ?? -1n)),
    counts: packCounts(nodes.map((node) => node?.counts ?? noCounts)),
  };
}

/** Throws `DataLoss` where the answer does not have one entry for each of `length` nodes. */
export function nodesFromColumns(columns: RoostTypes.NodeColumns, length: number): (Node | undefined)[] {
  const colouredAt = unpackIds(columns.coloured_at);
  const removedThrough = unpackIds(columns.removed_through);
  const counts = unpackCounts(columns.counts, length);
  for (const { length: entries } of [columns.colours, colouredAt, removedThrough]) checkEntries(entries, length);
  return counts.map((ofNode, i) => {
    const colour = stateFromByte(columns.colours[i]);
    return colour === undefined
      ? undefined
      : jsonReady({ colour, colouredAt: colouredAt[i]!, removedThrough: removedThrough[i]!, counts: ofNode });
  });
}
