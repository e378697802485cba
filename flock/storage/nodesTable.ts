import { columnTypes, defineTable, type SelectedColumn, type Selection } from '../../mysql/index.js';
import type { SqlRow } from '../../mysql/index.js';
import { oneUntouched, type NodeRegisters } from '../nodeRegisters.js';
import { edgeStates } from '../../wire/index.js';
import { rankColumn } from './rankColumn.js';

const { id, initially, int64, storedAs } = columnTypes;
const count = initially('0', int64);

/** What mass operations did to nodes, and how many edges each has in each state. A node of which nothing was written has no row. */
export const nodesTable = defineTable(
  'nodes',
  {
    source_id: id,
    color: storedAs('colour', initially('0', rankColumn)),
    colored_at: storedAs('coloured_at', initially('0', int64)),
    removed_through: initially('-1', int64),
    normal_count: count,
    negative_count: count,
    archived_count: count,
    removed_count: count,
  },
  'source_id',
);

/** The counters' columns, by rank of state. */
export const countColumns = edgeStates.map((state) => `${state}_count` as const);
export type CountColumn = (typeof countColumns)[number];

type RegisterColumns = {
  readonly color: SelectedColumn<number>;
  readonly colored_at: SelectedColumn<bigint>;
  readonly removed_through: SelectedColumn<bigint>;
};

/** What a node has been through, out of a row that has its registers. */
export const registersOf = (read: Selection<RegisterColumns>['read'], row: SqlRow): NodeRegisters =>
  oneUntouched({
    color: read.color(row),
    coloredAt: read.colored_at(row),
    removedThrough: read.removed_through(row),
  });

/** Columns of nodes, in statements that call their table `n`. */
export const n = nodesTable.columns('n');

/** Ids of nodes as a table `k` of a statement, one parameter. */
export const idsTable = `${nodesTable.keys(['source_id'])} k`;
