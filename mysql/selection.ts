import type { ColumnType } from './columns.js';
import type { SqlRow } from './databaseHost.js';

type SqlCell = SqlRow[number];

/** A value of a statement's rows: how to select and read it. */
export interface SelectedColumn<T> {
  /** As in a select list: a column, or an expression. */
  readonly sql: string;
  read(this: void, cell: SqlCell): T;
}
export type SelectedColumns = Readonly<Record<string, SelectedColumn<unknown>>>;
type ValueOf<Column> = Column extends SelectedColumn<infer T> ? T : never;

/**
 * The values that a statement selects, by name: the select list, and a reader for each value. No position of a value
 * is used anywhere else.
 */
export class Selection<C extends SelectedColumns> {
  /** For `SELECT`. */
  readonly list: string;
  /** Reads a column's value from a row. */
  readonly read: { readonly [Name in keyof C]: (row: SqlRow) => ValueOf<C[Name]> };
  /** Returns the value as the host sent it. */
  readonly cell: { readonly [Name in keyof C]: (row: SqlRow) => SqlCell };

  constructor(columns: C) {
    const names = Object.keys(columns);
    this.list = names.map((name) => columns[name]!.sql).join(', ');
    const readers = <T>(reader: (place: number, name: string) => (row: SqlRow) => T) =>
      Object.fromEntries(names.map((name, place) => [name, reader(place, name)]));
    this.cell = readers((place) => (row) => row[place]!) as typeof this.cell;
    this.read = readers((place, name) => {
      const { read } = columns[name]!;
      return (row) => read(row[place]!);
    }) as typeof this.read;
  }
}

export const select = <const C extends SelectedColumns>(columns: C): Selection<C> => new Selection(columns);

/** An expression whose value is read like those of a column type. */
export const expression = <T>(sql: string, { read }: Pick<ColumnType<T>, 'read'>): SelectedColumn<T> => ({ sql, read });
