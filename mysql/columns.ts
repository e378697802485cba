import type { SqlRow } from './databaseHost.js';

type SqlCell = SqlRow[number];

/** A type of column: how it is declared, and how its values go to the host and come back. */
export interface ColumnType<T> {
  /** As in `CREATE TABLE`, without `NOT NULL`. */
  readonly sql: string;
  /** As in the `COLUMNS` of a `JSON_TABLE`. */
  readonly json: string;
  readonly nullable: boolean;
  read(this: void, cell: SqlCell): T;
  /** To what stands in JSON. Integers of 64 bits go as texts, which both servers turn into integers exactly. */
  write(this: void, value: T): string | number | null;
}

const wide = (sql: string): ColumnType<bigint> => ({
  sql,
  json: sql,
  nullable: false,
  read: (cell) => BigInt(cell as number),
  write: String,
});
const small = (sql: string): ColumnType<number> => ({
  sql,
  json: sql,
  nullable: false,
  read: Number,
  write: (value) => value,
});

/** Types of columns. All are NOT NULL, but for `nullable`. */
export const columnTypes = {
  /** An id, from 0 to 2^64 − 1. */
  id: wide('BIGINT UNSIGNED'),
  /** A time in microseconds, or any other integer of 64 bits. */
  int64: wide('BIGINT'),
  /** An integer of 64 bits that a number holds exactly, such as milliseconds since 1970. */
  safeInteger: small('BIGINT'),
  uint32: small('INT UNSIGNED'),
  uint8: small('TINYINT UNSIGNED'),
  boolean: {
    sql: 'TINYINT UNSIGNED',
    json: 'TINYINT UNSIGNED',
    nullable: false,
    read: (cell) => Number(cell) === 1,
    write: (value) => (value ? 1 : 0),
  } as ColumnType<boolean>,
  text: (characters: number): ColumnType<string> => textOf(`VARCHAR(${characters})`),
  /** Up to 16 MiB. */
  longText: textOf('MEDIUMTEXT'),
  /** NULL is undefined. */
  nullable: <T>(type: ColumnType<T>): ColumnType<T | undefined> => ({
    ...type,
    nullable: true,
    read: (cell) => (cell === null ? undefined : type.read(cell)),
    write: (value) => (value === undefined ? null : type.write(value)),
  }),
};

function textOf(sql: string): ColumnType<string> {
  return { sql, json: `${sql} CHARACTER SET utf8mb4`, nullable: false, read: String, write: (value) => value };
}
