import type { Deadline } from '../core/index.js';
import type { ColumnType } from './columns.js';
import type { DatabaseHost, SqlRow, SqlSession } from './databaseHost.js';
import { shardTable, type TableShard } from './movableTables.js';
import { tableById } from './tableById.js';

type Columns = Readonly<Record<string, ColumnType<unknown>>>;
type ValueOf<Type> = Type extends ColumnType<infer T> ? T : never;

type Values<C extends Columns> = { readonly [Name in keyof C]: ValueOf<C[Name]> };
/** The values of one row of a table, by column. */
export type RowOf<Table> = Table extends TableDefinition<infer C> ? Values<C> : never;

/** Reads the value of a column out of a row that was selected by `list`. */
export type ColumnReaders<C extends Columns> = {
  readonly [Name in keyof C]: (row: SqlRow) => ValueOf<C[Name]>;
};

/** A table that every shard of a type has, said once: its declaration, its lists of columns, its bulk statements and its readers follow. */
export class TableDefinition<C extends Columns> {
  readonly names: readonly (keyof C & string)[];
  /** All columns, for a select list. */
  readonly list: string;
  /** So a row is taken apart: no place of a column is counted anywhere else. */
  readonly read: ColumnReaders<C>;
  readonly #types: readonly ColumnType<unknown>[];
  readonly #values: string;
  readonly #paths: string;
  readonly #replaceAll: string;
  readonly #declaration: string;

  /** See `defineTable`. */
  constructor(
    readonly name: string,
    columns: C,
    readonly key: keyof C & string,
    indexes: readonly string[],
  ) {
    this.names = Object.keys(columns);
    this.#types = this.names.map((column) => columns[column]!);
    this.list = this.names.join(', ');
    this.read = Object.fromEntries(
      this.names.map((column, place) => {
        const { read } = this.#types[place]!;
        return [column, (row: SqlRow) => read(row[place]!)];
      }),
    ) as ColumnReaders<C>;
    this.#values = this.names.map((_, place) => `v${place}`).join(', ');
    this.#paths = this.#types.map(({ json }, place) => `v${place} ${json} PATH '$[${place}]'`).join(', ');
    this.#replaceAll = this.names
      .filter((column) => column !== key)
      .map((column) => `${column} = VALUES(${column})`)
      .join(', ');
    this.#declaration = [
      ...this.names.map((column, place) => {
        const { sql, nullable } = this.#types[place]!;
        return `${column} ${sql} ${nullable ? 'NULL' : 'NOT NULL'}`;
      }),
      `PRIMARY KEY (${key})`,
      ...indexes,
    ].join(', ');
  }

  /** The tables of a cluster's shards. `database` must be a checked identifier. */
  in(database: string): ShardTables<C> {
    return new ShardTables(this, database);
  }

  createSql(table: string): string {
    return `CREATE TABLE IF NOT EXISTS ${table} (${this.#declaration}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`;
  }

  /** Takes rows as one parameter, made by `rowsJson`. */
  insertSql(table: string, replace: boolean): string {
    return `INSERT INTO ${table} (${this.list}) SELECT ${this.#values} FROM JSON_TABLE(?, '$[*]' COLUMNS (${this.#paths})) j${replace ? ` ON DUPLICATE KEY UPDATE ${this.#replaceAll}` : ''}`;
  }

  rowsJson(rows: readonly Values<C>[]): string {
    return JSON.stringify(rows.map((row) => this.#cells(row)));
  }

  /** How rows stand in a backup, for Gizzard's `MovableTable.saved`: `valuesOf` gives the values of a row, and `rowOf` makes the row of selected columns. */
  saved<Row, Shard>(valuesOf: (row: Row) => Values<C>, rowOf: (row: SqlRow, shard: Shard) => Row) {
    return { columns: this.names, cells: (row: Row) => this.#cells(valuesOf(row)), row: rowOf };
  }

  #cells(row: Values<C>): (string | number | null)[] {
    return this.names.map((column, place) => this.#types[place]!.write(row[column]));
  }
}

/**
 * @param name behind a shard's prefix
 * @param columns in their order in the table
 * @param key the column that is its primary key
 * @param indexes further keys, as in `CREATE TABLE`
 */
export const defineTable = <C extends Columns>(
  name: string,
  columns: C,
  key: keyof C & string,
  indexes: readonly string[] = [],
): TableDefinition<C> => new TableDefinition(name, columns, key, indexes);

/** The tables of one definition in one database, one for each shard. */
export class ShardTables<C extends Columns> {
  constructor(
    readonly definition: TableDefinition<C>,
    readonly database: string,
  ) {}

  at({ id }: TableShard): ShardTable<C> {
    return new ShardTable(this.definition, shardTable(this.database, id.tablePrefix, this.definition.name));
  }

  /** Makes a shard's table, and the database, where they are missing. */
  async create(host: DatabaseHost, shard: TableShard, deadline: Deadline): Promise<void> {
    await host.run(`CREATE DATABASE IF NOT EXISTS \`${this.database}\``, [], deadline);
    await host.run(this.definition.createSql(this.at(shard).sql), [], deadline);
  }

  /** How the table is read page by page in the order of its key, which is an id: see `tableById`. */
  pages<Row, Shard extends TableShard>(rowOf: (row: SqlRow, shard: Shard) => Row) {
    return tableById(this.database, this.definition.name, this.definition.list, rowOf);
  }
}

/** One shard's table. */
export class ShardTable<C extends Columns> {
  constructor(
    readonly definition: TableDefinition<C>,
    /** Its name, quoted, ready for SQL. */
    readonly sql: string,
  ) {}

  /** The rows of some ids that exist. `lock` ends the statement: `FOR UPDATE`. */
  rowsAt(session: SqlSession, ids: readonly bigint[], deadline: Deadline, lock = ''): Promise<SqlRow[]> {
    const { names, key } = this.definition;
    // Inside a derived table, as MySQL 8 refuses to lock a statement whose own table is a JSON_TABLE (error 3569).
    return session.rows(
      `SELECT ${names.map((name) => `t.${name}`).join(', ')}
       FROM (SELECT i FROM JSON_TABLE(?, '$[*]' COLUMNS (i BIGINT UNSIGNED PATH '$')) j) k STRAIGHT_JOIN ${this.sql} t ON t.${key} = k.i ${lock}`,
      [`[${ids.join()}]`],
      deadline,
    );
  }

  /** Inserts rows plainly: one that exists is a `Conflict`. */
  insert(session: SqlSession, rows: readonly Values<C>[], deadline: Deadline): Promise<void> {
    return this.#write(session, rows, false, deadline);
  }

  /** Writes rows whole, whether they exist or not. */
  replace(session: SqlSession, rows: readonly Values<C>[], deadline: Deadline): Promise<void> {
    return this.#write(session, rows, true, deadline);
  }

  async #write(session: SqlSession, rows: readonly Values<C>[], replace: boolean, deadline: Deadline): Promise<void> {
    if (rows.length === 0) return;
    const { definition, sql } = this;
    await session.run(definition.insertSql(sql, replace), [definition.rowsJson(rows)], deadline);
  }

  async remove(session: SqlSession, id: bigint, deadline: Deadline): Promise<void> {
    await session.run(`DELETE FROM ${this.sql} WHERE ${this.definition.key} = ?`, [id], deadline);
  }
}
