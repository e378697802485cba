import type { SqlRow } from '../../mysql/index.js';
import type { ShardInfo } from '../topology/types.js';
import type { MovableTable } from './movable.js';
import { shardTable } from './movableTables.js';
import { digestColumns, digestOf } from './rowsDigest.js';

export interface IdRange {
  readonly where: string;
  readonly values: readonly bigint[];
}

/** The condition that an id lies behind `after`, and not behind `end` where there is one. */
export function idsBetween(column: string, after: string, end: string | undefined): IdRange {
  const bounds = [
    ...(after === '' ? [] : [{ sql: `${column} > ?`, key: after }]),
    ...(end === undefined ? [] : [{ sql: `${column} <= ?`, key: end }]),
  ];
  return {
    where: bounds.length === 0 ? 'TRUE' : bounds.map(({ sql }) => sql).join(' AND '),
    values: bounds.map(({ key }) => BigInt(key)),
  };
}

/** What is the same for all tables whose rows are found by one id. */
type ReadsById<Row> = Pick<
  MovableTable<Row>,
  'name' | 'count' | 'pageEnd' | 'rows' | 'rowsAt' | 'digest' | 'compareKeys'
>;

/**
 * How a table is read whose primary key is one unsigned integer: page by page in the order of the ids. Keys are the ids in decimal.
 *
 * @param name the table's name behind the shard's prefix
 * @param columns all of them, the id first, separated by `, `
 */
export function tableById<Row>(
  database: string,
  name: string,
  columns: string,
  rowOf: (row: SqlRow, shard: ShardInfo) => Row,
): ReadsById<Row> {
  const [id] = columns.split(', ', 1);
  const tableOf = (shard: ShardInfo): string => shardTable(database, shard.id.tablePrefix, name);
  const between = (after: string, end: string | undefined): IdRange => idsBetween(id!, after, end);
  return {
    name,
    async count(host, shard, deadline) {
      const [row] = await host.rows(`SELECT COUNT(*) FROM ${tableOf(shard)}`, [], deadline);
      return Number(row![0]);
    },
    async pageEnd(host, shard, after, limit, deadline) {
      const { where, values } = between(after, undefined);
      const [row] = await host.rows(
        `SELECT ${id} FROM ${tableOf(shard)} WHERE ${where} ORDER BY ${id} LIMIT 1 OFFSET ?`,
        [...values, limit - 1],
        deadline,
      );
      return row === undefined ? undefined : String(row[0]);
    },
    async rows(host, shard, after, end, deadline) {
      const { where, values } = between(after, end);
      const rows = await host.rows(`SELECT ${columns} FROM ${tableOf(shard)} WHERE ${where}`, values, deadline);
      return rows.map((row) => rowOf(row, shard));
    },
    async rowsAt(host, shard, keys, deadline) {
      const rows = await host.rows(
        `SELECT ${columns} FROM JSON_TABLE(?, '$[*]' COLUMNS (wanted BIGINT UNSIGNED PATH '$')) k STRAIGHT_JOIN ${tableOf(shard)} ON ${id} = k.wanted`,
        [`[${keys.join()}]`],
        deadline,
      );
      return rows.map((row) => rowOf(row, shard));
    },
    async digest(host, shard, after, end, deadline) {
      const { where, values } = between(after, end);
      const [row] = await host.rows(
        `SELECT ${digestColumns(columns)} FROM ${tableOf(shard)} WHERE ${where}`,
        values,
        deadline,
      );
      return digestOf(row);
    },
    compareKeys(a, b) {
      const [left, right] = [a, b].map((key) => (key === '' ? -1n : BigInt(key))) as [bigint, bigint];
      return Number(left > right) - Number(left < right);
    },
  };
}
