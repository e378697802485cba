import type { SqlRow } from './databaseHost.js';

type SqlCell = SqlRow[number];

/** A type of column: how it is declared, and how its values go to the host and come back. */
export interface ColumnType<T> {
  /** As in `CREATE TABLE`, without `NOT NULL`. */
  readonly sql: string;
  /** As in the `COLUMNS` of a `JSON_TABLE`. */
  readonly json: string;
  readonly nullable: boolean;
  /** The name of the column in the database, where code has another one. */
  readonly stored?: string;
  /** Of rows that are inserted without it, as in `DEFAULT`. Absent: there is none. */
  readonly initial?: string;
  read(this: void, cell: SqlCell): T;
  /** To a value of JSON. Integers of 64 bits go as texts. */
  write(this: void, value: T): string | number | null;
  /** Its texts are integers, and stand in JSON as numbers: those have any number of digits there, and both servers read them exactly. */
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
    write: (value) => (value == null ? null : type.write(value)),
  }),
  /** A column that code calls by another name than the database. */
  storedAs: <T>(stored: string, type: ColumnType<T>): ColumnType<T> => ({ ...type, stored }),
  initially: <T>(initial: string, type: ColumnType<T>): ColumnType<T> => ({ ...type, initial }),
  /** The place of a `FOR ORDINALITY`, counted from 0. */
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
