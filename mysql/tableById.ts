import type { Deadline } from '../core/index.js';
import type { DatabaseHost, SqlRow } from './databaseHost.js';
import type { ShardDatabase, TableShard } from './shardDatabase.js';
import { digestColumns, digestOf, type TableDigest } from './rowsDigest.js';

export interface IdRange {
  readonly where: string;
  readonly values: readonly bigint[];
}

/** The condition that an id is after `after` and, if given, not after `end`. */
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

/**
 * How a table is read whose primary key is one unsigned integer: page by page in the order of the ids. Keys are the ids in decimal. The part of Gizzard's
 * `MovableTable` that is the same for all of them.
 *
 * @param name the table's name behind the shard's prefix
 * @param columns all of them, the id first, separated by `, `
 */
export function tableById<Row, Shard extends TableShard>(
  database: ShardDatabase,
  name: string,
  columns: string,
  rowOf: (row: SqlRow, shard: Shard) => Row,
) {
  const [id] = columns.split(', ', 1);
  const tableOf = (shard: Shard): string => database.table(shard.id.tablePrefix, name);
  const between = (after: string, end: string | undefined): IdRange => idsBetween(id!, after, end);
  return {
    name,
    async count(host: DatabaseHost, shard: Shard, deadline: Deadline): Promise<number> {
      const [row] = await host.rows(`SELECT COUNT(*) FROM ${tableOf(shard)}`, [], deadline);
      return Number(row![0]);
    },
    async pageEnd(
      host: DatabaseHost,
      shard: Shard,
      after: string,
      limit: number,
      deadline: Deadline,
    ): Promise<string | undefined> {
      const { where, values } = between(after, undefined);
      const [row] = await host.rows(
        `SELECT ${id} FROM ${tableOf(shard)} WHERE ${where} ORDER BY ${id} LIMIT 1 OFFSET ?`,
        [...values, limit - 1],
        deadline,
      );
      return row === undefined ? undefined : String(row[0]);
    },
    async rows(
      host: DatabaseHost,
      shard: Shard,
      after: string,
      end: string | undefined,
      deadline: Deadline,
    ): Promise<Row[]> {
      const { where, values } = between(after, end);
      const rows = await host.rows(`SELECT ${columns} FROM ${tableOf(shard)} WHERE ${where}`, values, deadline);
      return rows.map((row) => rowOf(row, shard));
    },
    async rowsAt(host: DatabaseHost, shard: Shard, keys: readonly string[], deadline: Deadline): Promise<Row[]> {
      const rows = await host.rows(
        `SELECT ${columns} FROM JSON_TABLE(?, '$[*]' COLUMNS (wanted BIGINT UNSIGNED PATH '$')) k STRAIGHT_JOIN ${tableOf(shard)} ON ${id} = k.wanted`,
        [`[${keys.join()}]`],
        deadline,
      );
      return rows.map((row) => rowOf(row, shard));
    },
    async digest(
      host: DatabaseHost,
      shard: Shard,
      after: string,
      end: string | undefined,
      deadline: Deadline,
    ): Promise<TableDigest> {
      const { where, values } = between(after, end);
      const [row] = await host.rows(
        `SELECT ${digestColumns(columns)} FROM ${tableOf(shard)} WHERE ${where}`,
        values,
        deadline,
      );
      return digestOf(row);
    },
    compareKeys(a: string, b: string): number {
      const [left, right] = [a, b].map((key) => (key === '' ? -1n : BigInt(key))) as [bigint, bigint];
      return Number(left > right) - Number(left < right);
    },
  };
}
