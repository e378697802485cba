import type { ScanPage, StoredEdge, StoredNode } from '../../flock/index.js';
import { withChecksum } from './dumpChecksum.js';

/**
 * How a dump represents a graph. `edges`: "source destination position" of the normal edges, for any tool. `ndjson`:
 * everything, so that `roost load` creates an equal graph from it.
 */
export const dumpFormats = ['edges', 'ndjson'] as const;
export type DumpFormat = (typeof dumpFormats)[number];

export interface DumpedText {
  readonly text: string;
  readonly edgeCount: number;
}

/** A page of a scan as lines, after their checksum. A page without lines gives no text. */
export function pageText({ edges, nodes }: ScanPage, format: DumpFormat): DumpedText {
  if (format === 'ndjson')
    return {
      text: withChecksum(
        [...edges.map(edgeLine), ...nodes.map(nodeLine)].join(''),
        edges.length + nodes.length,
        format,
      ),
      edgeCount: edges.length,
    };
  const normal = edges.filter(({ state }) => state === 'normal');
  return {
    text: withChecksum(
      normal.map(({ sourceId, destinationId, position }) => `${sourceId} ${destinationId} ${position}\n`).join(''),
      normal.length,
      format,
    ),
    edgeCount: normal.length,
  };
}

// Without a JSON library: every value is a number or one of a few words, and there are very many values. 64-bit
// numbers are strings, as JSON numbers are not exact.
function edgeLine({ sourceId, destinationId, state, ownState, position, positionedAt, updatedAt }: StoredEdge): string {
  const own = ownState === state ? '' : `,"own":"${ownState}"`;
  // −1: the position that an archive or a remove set on an edge that was never added.
  const placed =
    positionedAt === undefined && position === 0n
      ? ''
      : `,"position":"${position}","positionedAt":"${positionedAt ?? -1n}"`;
  return `{"source":"${sourceId}","destination":"${destinationId}","state":"${state}"${own}${placed},"updatedAt":"${updatedAt}"}\n`;
}

const nodeLine = ({ id, direction, color, coloredAt, removedThrough }: StoredNode): string =>
  `{"node":"${id}","direction":"${direction}","color":"${color}","coloredAt":"${coloredAt}","removedThrough":"${removedThrough}"}\n`;
