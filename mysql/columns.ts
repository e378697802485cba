import type { SqlRow } from './databaseHost.js';

type SqlCell = SqlRow[number];

/** A type of column: its declaration, and the encoding of its values. */
export interface ColumnType<T> {
  /** As in `CREATE TABLE`, without `NOT NULL`. */
  readonly sql: string;
  /** As in the `COLUMNS` of a `JSON_TABLE`. */
  readonly json: string;
  readonly nullable: boolean;
  /** The column's name in the database, if code uses another one. */
  readonly stored?: string;
  /** The value of rows inserted without it, as in `DEFAULT`. Absent: none. */
  readonly initial?: string;
  read(this: void, cell: SqlCell): T;
  /** Encodes a value as JSON. 64-bit integers become strings. */
  write(this: void, value: T): string | number | null;
  /**
   * The encoded strings are integers, and stand in JSON as numbers: JSON numbers have any number of digits, and both
   * servers read them exactly.
   */
  readonly integer?: true;
}

const wide = (sql: string): ColumnType<bigint> => ({
  sql,
  json: sql,
  nullable: false,
  read: (cell) => BigInt(cell as number),
  write: String,
  integer: true,
});
const small = (sql: string): ColumnType<number> => ({
  sql,
  json: sql,
  nullable: false,
  read: Number,
  write: (value) => value,
  integer: true,
});

/** Types of columns. All are NOT NULL, except for `nullable`. */
export const columnTypes = {
  /** An id, from 0 to 2^64 − 1. */
  id: wide('BIGINT UNSIGNED'),
  /** A time in microseconds, or any other integer of 64 bits. */
  int64: wide('BIGINT'),
  /** A 64-bit integer that a number holds exactly, such as milliseconds since 1970. */
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
    write: (value) => (value == null ? null : type.write(value)),
  }),
  /** A column with different names in code and in the database. */
  storedAs: <T>(stored: string, type: ColumnType<T>): ColumnType<T> => ({ ...type, stored }),
  initially: <T>(initial: string, type: ColumnType<T>): ColumnType<T> => ({ ...type, initial }),
  /** The index from a `FOR ORDINALITY`, counted from 0. */
  place: { ...small('INT UNSIGNED'), read: (cell) => Number(cell) - 1 } as ColumnType<number>,
};

function textOf(sql: string): ColumnType<string> {
  return {
    sql,
    json: `${sql} CHARACTER SET utf8mb4`,
    nullable: false,
    read: String,
    write: (value) => value,
  };
}
