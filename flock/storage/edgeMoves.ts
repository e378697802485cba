import { isDeepStrictEqual } from 'node:util';
import { isId } from '../../core/index.js';
import { inParts, type MovableTable, type SavedCell, type ShardInfo } from '../../gizzard/index.js';
import {
  columnTypes,
  digestColumns,
  digestOf,
  expression,
  select,
  type DatabaseHost,
  type SqlRow,
  type SqlValue,
} from '../../mysql/index.js';
import { compare, mergeInto } from '../edgeRecord.js';
import { sameRegisters } from '../nodeRegisters.js';
import { anyTable, copyEdges } from './copyEdges.js';
import { edgeKey, edgesAt } from './edgeRows.js';
import { edgeColumns, edgesTable, rowOf } from './edgesTable.js';
import type { EdgeTables, FlockTables } from './flockTables.js';
import { countColumns } from './nodesTable.js';
import { removeEdges } from './removeRows.js';

type Key = readonly [sourceId: bigint, destinationId: bigint];

/** How the edges of Flock's shards move: in the order of their keys, which never change, while states and positions may at any time. */
export const edgeMoves = (flock: FlockTables): MovableTable<SqlRow, DatabaseHost> => {
  const tablesOf = (shard: ShardInfo): EdgeTables => flock.at(shard);
  return {
    name: edgesTable.name,
    async count(host, shard, deadline) {
      const [row] = await host.rows(`SELECT ${counted.list} FROM ${tablesOf(shard).nodes}`, [], deadline);
      return counted.read.edges(row!);
    },
    async pageEnd(host, shard, after, limit, deadline) {
      const { edges } = tablesOf(shard);
      const keys = `SELECT ${ends.list} FROM ${edges} FORCE INDEX (membership)`;
      const order = 'ORDER BY source_id, destination_id LIMIT ?';
      const behind = parseKey(after);
      // Two ranges, because neither server finds the start of "(source, destination) > (s, d)" in the index.
      const sql =
        behind === undefined
          ? `${keys} ${order} OFFSET ?`
          : `SELECT source_id, destination_id FROM (
               (${keys} WHERE source_id = ? AND destination_id > ? ORDER BY destination_id LIMIT ?) UNION ALL (${keys} WHERE source_id > ? ${order})
             ) k ${order} OFFSET ?`;
      const values = behind === undefined ? [1, limit - 1] : [...behind, limit, behind[0], limit, 1, limit - 1];
      const [row] = await host.rows(sql, values, deadline);
      return row && `${ends.cell.source_id(row) as number},${ends.cell.destination_id(row) as number}`;
    },
    async rows(host, shard, after, end, deadline) {
      const { sql, values } = selectBetween(tablesOf(shard), edgesTable.list, after, end);
      return host.rows(sql, values, deadline);
    },
    async digest(host, shard, after, end, deadline) {
      const { sql, values } = selectBetween(tablesOf(shard), digestColumns(edgesTable.list), after, end);
      const [row] = await host.rows(`SELECT SUM(n), BIT_XOR(h) FROM (${sql}) r`, values, deadline);
      return digestOf(row);
    },
    rowsAt: (host, shard, keys, deadline) => edgesAt(host, tablesOf(shard), keys, deadline),
    key: edgeKey,
    compareKeys(a, b) {
      const [left, right] = [parseKey(a), parseKey(b)];
      if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
      return compare(left[0], right[0]) || compare(left[1], right[1]);
    },
    // If a bit of its other end flipped so that it is no id, the row belongs to no shard.
    routingKey(row) {
      const other = edgesTable.read.destination_id(row);
      return isId(other) ? edgesTable.read.source_id(row) : other;
    },
    same,
    lacks,
    async write(host, shard, rows, deadline) {
      await inParts(rows, (part) => copyEdges(host, tablesOf(shard), part, deadline), edgesTable.all.cell.source_id);
    },
    remove: (host, shard, rows, deadline) => removeEdges(host, tablesOf(shard), rows, deadline),
    saved: {
      columns: edgesTable.names.map((name) => edgesTable.stored[name]),
      cells: (row) => row as readonly SavedCell[],
      row: (cells) => [...cells],
    },
    describe: (row) => Object.fromEntries(describedAs.map(([name, cell]) => [name, String(cell(row))])),
  };
};

/** The columns of an edge's row, as people see them. */
const describedAs = edgesTable.names.map((name) => [name.replace(/_id$/, ''), edgesTable.all.cell[name]] as const);

const ends = select({ source_id: edgeColumns.source_id, destination_id: edgeColumns.destination_id });
const counted = select({
  edges: expression(`COALESCE(SUM(${countColumns.join(' + ')}), 0)`, columnTypes.safeInteger),
});

/** Whether two rows say the same: bits that count for nothing may differ. */
function same(a: SqlRow, b: SqlRow): boolean {
  if (a.every((value, place) => value === b[place])) return true;
  const [left, right] = [rowOf(anyTable, a), rowOf(anyTable, b)];
  const { peer, ...one } = left.record;
  const { peer: otherPeer, ...other } = right.record;
  return left.visible === right.visible && sameRegisters(peer, otherPeer) && isDeepStrictEqual(one, other);
}

const lacks = (row: SqlRow, other: SqlRow): boolean =>
  mergeInto(rowOf(anyTable, row).record, rowOf(anyTable, other).record);

function parseKey(key: string): Key | undefined {
  if (key === '') return undefined;
  const comma = key.indexOf(',');
  return [BigInt(key.slice(0, comma)), BigInt(key.slice(comma + 1))];
}

interface KeyRange {
  /** True for part of the edges of one source, which an index finds; false for all edges of a range of sources. */
  readonly ofOneSource: boolean;
  readonly where: string;
  readonly values: readonly SqlValue[];
}

/** Reads the rows behind `after` up to `end`: one SELECT for each part of the range, all in one statement. */
function selectBetween(
  { edges }: EdgeTables,
  columns: string,
  after: string,
  end: string | undefined,
): { readonly sql: string; readonly values: readonly SqlValue[] } {
  const ranges = rangesBetween(parseKey(after), end === undefined ? undefined : parseKey(end));
  const selects = ranges.map(
    ({ ofOneSource, where }) =>
      `SELECT ${columns} FROM ${edges}${ofOneSource ? ' FORCE INDEX (membership)' : ''} WHERE ${where}`,
  );
  return { sql: selects.join(' UNION ALL '), values: ranges.flatMap(({ values }) => values) };
}

/** The keys behind `after` up to `end`: the rest of the first source, whole sources, the beginning of the last. */
function rangesBetween(after: Key | undefined, end: Key | undefined): KeyRange[] {
  if (after !== undefined && end !== undefined && after[0] === end[0]) {
    return [
      {
        ofOneSource: true,
        where: 'source_id = ? AND destination_id > ? AND destination_id <= ?',
        values: [after[0], after[1], end[1]],
      },
    ];
  }
  const ranges: KeyRange[] = [];
  if (after !== undefined)
    ranges.push({ ofOneSource: true, where: 'source_id = ? AND destination_id > ?', values: after });
  const whole = [...(after === undefined ? [] : ['source_id > ?']), ...(end === undefined ? [] : ['source_id < ?'])];
  ranges.push({
    ofOneSource: false,
    where: whole.length === 0 ? 'TRUE' : whole.join(' AND '),
    values: [...(after === undefined ? [] : [after[0]]), ...(end === undefined ? [] : [end[0]])],
  });
  if (end !== undefined)
    ranges.push({ ofOneSource: true, where: 'source_id = ? AND destination_id <= ?', values: end });
  return ranges;
}
