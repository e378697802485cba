import { columnTypes, defineTable, expression, select, type RowOf, type SqlRow } from '../../mysql/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { oneUntouched, untouched, type NodeRegisters } from '../nodeRegisters.js';
import { rankColumn } from './rankColumn.js';

const { id, int64, nullable, storedAs } = columnTypes;

/**
 * The edges of some nodes in one direction, in the order of states and positions. `state` is what queries see, `own_state` what was written of the edge; `peer_…` is what its other end has been
 * through, NULL where nothing happened to it.
 */
export const edgesTable = defineTable(
  'edges',
  {
    source_id: id,
    state: rankColumn,
    position: int64,
    destination_id: id,
    own_state: rankColumn,
    updated_at: int64,
    positioned_at: int64,
    peer_color: storedAs('peer_colour', nullable(rankColumn)),
    peer_colored_at: storedAs('peer_coloured_at', nullable(int64)),
    peer_removed_through: nullable(int64),
  },
  ['source_id', 'state', 'position', 'destination_id'],
  ['UNIQUE KEY membership (source_id, destination_id)'],
);

/** An edge's row: what is remembered of it, and the state that queries see, which its place in the table depends on. */
export interface EdgeRow {
  readonly record: EdgeRecord;
  readonly visible: number;
}

const { read } = edgesTable;

/** Takes a row of all columns apart. */
export const rowOf = (tableId: number, row: SqlRow): EdgeRow => ({
  record: {
    tableId,
    sourceId: read.source_id(row),
    destinationId: read.destination_id(row),
    ownState: read.own_state(row),
    updatedAt: read.updated_at(row),
    position: read.position(row),
    positionedAt: read.positioned_at(row),
    peer: peerOf(row),
  },
  // The byte itself: queries find the row by all of it.
  visible: Number(edgesTable.all.cell.state(row)),
});

function peerOf(row: SqlRow): NodeRegisters {
  const color = read.peer_color(row);
  const coloredAt = read.peer_colored_at(row);
  const removedThrough = read.peer_removed_through(row);
  // All three are there or none, unless a bit has flipped: checks find that the copies of such a row differ.
  if (color === undefined || coloredAt === undefined || removedThrough === undefined) return untouched;
  return oneUntouched({ color, coloredAt, removedThrough });
}

/** An edge between nodes that nothing happened to, or one whose other end alone is known to be so, as another shard has it: not taken apart. */
export const hasPeer = (row: SqlRow): boolean => edgesTable.all.cell.peer_color(row) !== null;

/** Columns of edges, in statements that call their table `e`. */
export const e = edgesTable.columns('e');
/** Columns of edges, in statements of one table. */
export const edgeColumns = edgesTable.columns();

/** Ends of edges as a table `k` of a statement, one parameter, and which edges they are. */
export const endsTable = `${edgesTable.keys(['source_id', 'destination_id'])} k`;
export const onEnds = 'e.source_id = k.source_id AND e.destination_id = k.destination_id';
/** The place of a key in its parameter. */
export const keyPlace = expression('k.i', columnTypes.place);

/** All columns of an edge, and which key it was found by. */
export const placedEdge = select({ ...e, place: keyPlace });

export type EdgeValues = RowOf<typeof edgesTable>;
