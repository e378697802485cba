import type { MovableTable, ShardInfo, SqlValue } from '../../gizzard/index.js';
import { compare, mergeInto } from '../edgeRecord.js';
import { applyEdges } from './applyEdges.js';
import { edgeColumns, rowOf, type EdgeRow } from './edgeRows.js';
import { edgeTables, type EdgeTables } from './edgeTables.js';
import { jsonRows } from './json.js';

/** Rows that one transaction writes: as for jobs, its locks should be short. */
const rowsPerTransaction = 1_000;
/** More than one, so that the host works on one while the next is made ready; few, so that normal writes get through. */
const transactionsAtOnce = 3;
/** Which of the graph's tables a shard belongs to is not in its rows, and only the follow-ups of normal writes need it. */
const anyTable = 0;

type Key = readonly [sourceId: bigint, destinationId: bigint];

/** How the edges of Flock's shards move: in the order of their keys, which never change, while states and positions may at any time. */
export const edgeMoves = (database: string): MovableTable<EdgeRow> => {
  const tablesOf = (shard: ShardInfo): EdgeTables => edgeTables(database, shard);
  return {
    name: 'edges',
    async count(host, shard, deadline) {
      const [row] = await host.rows(`SELECT COALESCE(SUM(normal_count + negative_count + archived_count + removed_count), 0) FROM ${tablesOf(shard).nodes}`, [], deadline);
      return Number(row![0]);
    },
    async pageEnd(host, shard, after, limit, deadline) {
      const { edges } = tablesOf(shard);
      const keys = `SELECT source_id, destination_id FROM ${edges} FORCE INDEX (membership)`;
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
      return row === undefined ? undefined : `${row[0] as number},${row[1] as number}`;
    },
    async rows(host, shard, after, end, deadline) {
      const { edges } = tablesOf(shard);
      const ranges = rangesBetween(parseKey(after), end === undefined ? undefined : parseKey(end));
      const sql = ranges.map(({ ofOneSource, where }) => `SELECT ${edgeColumns} FROM ${edges}${ofOneSource ? ' FORCE INDEX (membership)' : ''} WHERE ${where}`).join(' UNION ALL ');
      const rows = await host.rows(sql, ranges.flatMap(({ values }) => values), deadline);
      return rows.map((row) => rowOf(anyTable, row));
    },
    async rowsAt(host, shard, keys, deadline) {
      const rows = await host.rows(
        `SELECT ${edgeColumns}
         FROM JSON_TABLE(?, '$[*]' COLUMNS (s BIGINT UNSIGNED PATH '$[0]', d BIGINT UNSIGNED PATH '$[1]')) k
         STRAIGHT_JOIN ${tablesOf(shard).edges} e ON e.source_id = k.s AND e.destination_id = k.d`,
        [jsonRows(keys, (key) => key)],
        deadline,
      );
      return rows.map((row) => rowOf(anyTable, row));
    },
    key: ({ record }) => `${record.sourceId},${record.destinationId}`,
    compareKeys(a, b) {
      const [left, right] = [parseKey(a), parseKey(b)];
      if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
      return compare(left[0], right[0]) || compare(left[1], right[1]);
    },
    routingKey: ({ record }) => record.sourceId,
    same: (a, b) => a.visible === b.visible && !knowsMore(a, b) && !knowsMore(b, a),
    lacks: (row, other) => knowsMore(other, row),
    merge([first, ...others]) {
      const record = { ...first!.record };
      for (const other of others) mergeInto(record, other.record);
      return { record, visible: first!.visible };
    },
    async write(host, shard, rows, deadline) {
      const parts: EdgeRow[][] = [];
      for (let start = 0; start < rows.length; start += rowsPerTransaction) parts.push(rows.slice(start, start + rowsPerTransaction));
      // What queries see of an edge is found anew from the target's own node.
      const lane = async (): Promise<void> => {
        for (let part = parts.shift(); part !== undefined; part = parts.shift()) await applyEdges(host, tablesOf(shard), part.map(({ record }) => record), deadline);
      };
      await Promise.all(Array.from({ length: transactionsAtOnce }, lane));
    },
    describe: ({ record, visible }) => ({
      source: String(record.sourceId),
      destination: String(record.destinationId),
      state: String(visible),
      own_state: String(record.ownState),
      updated_at: String(record.updatedAt),
      position: String(record.position),
      positioned_at: String(record.positionedAt),
      peer_colour: String(record.peer.colour),
      peer_coloured_at: String(record.peer.colouredAt),
      peer_removed_through: String(record.peer.removedThrough),
    }),
  };
};

const knowsMore = (a: EdgeRow, b: EdgeRow): boolean => mergeInto({ ...b.record }, a.record);

function parseKey(key: string): Key | undefined {
  if (key === '') return undefined;
  const comma = key.indexOf(',');
  return [BigInt(key.slice(0, comma)), BigInt(key.slice(comma + 1))];
}

interface KeyRange {
  /** Of one source in part, found by the key; otherwise of whole sources, which lie together. */
  readonly ofOneSource: boolean;
  readonly where: string;
  readonly values: readonly SqlValue[];
}

/** The keys behind `after` up to `end`: the rest of the first source, whole sources, the beginning of the last. */
function rangesBetween(after: Key | undefined, end: Key | undefined): KeyRange[] {
  if (after !== undefined && end !== undefined && after[0] === end[0]) {
    return [{ ofOneSource: true, where: 'source_id = ? AND destination_id > ? AND destination_id <= ?', values: [after[0], after[1], end[1]] }];
  }
  const ranges: KeyRange[] = [];
  if (after !== undefined) ranges.push({ ofOneSource: true, where: 'source_id = ? AND destination_id > ?', values: after });
  const whole = [...(after === undefined ? [] : ['source_id > ?']), ...(end === undefined ? [] : ['source_id < ?'])];
  ranges.push({
    ofOneSource: false,
    where: whole.length === 0 ? 'TRUE' : whole.join(' AND '),
    values: [...(after === undefined ? [] : [after[0]]), ...(end === undefined ? [] : [end[0]])],
  });
  if (end !== undefined) ranges.push({ ofOneSource: true, where: 'source_id = ? AND destination_id <= ?', values: end });
  return ranges;
}
