import type { Deadline } from '../core/index.js';
import { BulkInsert, jsonPaths, type ColumnSources } from './bulkInsert.js';
import type { ColumnType } from './columns.js';
import type { DatabaseHost, SqlRow, SqlSession } from './databaseHost.js';
import { Selection, type SelectedColumn } from './selection.js';
import { ShardDatabase, type TableShard } from './shardDatabase.js';
import { tableById } from './tableById.js';

type Columns = Readonly<Record<string, ColumnType<unknown>>>;
type ValueOf<Type> = Type extends ColumnType<infer T> ? T : never;
type Name<C extends Columns> = keyof C & string;

type Values<C extends Columns> = { readonly [N in keyof C]: ValueOf<C[N]> };
/** The values of one row of a table, by column. */
export type RowOf<Table> = Table extends TableDefinition<infer C> ? Values<C> : never;

/** The columns of a table, to be selected. */
export type TableColumns<C extends Columns> = { readonly [N in keyof C]: SelectedColumn<ValueOf<C[N]>> };

/** Types that columns have in some tables of a definition, as in `CREATE TABLE`. */
export type OtherTypes<C extends Columns> = { readonly [N in keyof C]?: string };

/** A table that every shard of a type has, said once: its declaration, its lists of columns, its bulk statements and its readers follow. */
export class TableDefinition<C extends Columns> {
  readonly names: readonly Name<C>[];
  /** The primary key, or the first column of it. */
  readonly key: Name<C>;
  /** What the database calls the columns. */
  readonly stored: { readonly [N in keyof C]: string };
  /** All columns. */
  readonly all: Selection<TableColumns<C>>;
  readonly #insert: BulkInsert<Values<C>>;
  readonly #replaceAll: string;

  /** See `defineTable`. */
  constructor(
    readonly name: string,
    readonly types: C,
    private readonly primaryKey: readonly Name<C>[],
    private readonly indexes: readonly string[],
  ) {
    this.names = Object.keys(types);
    this.key = primaryKey[0]!;
    this.stored = Object.fromEntries(
      this.names.map((name) => [name, types[name]!.stored ?? name]),
    ) as typeof this.stored;
    this.all = new Selection(this.columns());
    this.#insert = this.bulkInsert(
      Object.fromEntries(this.names.map((name) => [name, (row: Values<C>) => row[name]])) as unknown as ColumnSources<
        Values<C>,
        C
      >,
    );
    this.#replaceAll = this.replace(this.names.filter((name) => !primaryKey.includes(name)));
  }

  /** All columns, for a select list. */
  get list(): string {
    return this.all.list;
  }

  /** So a row of all columns is taken apart: no place of a column is counted anywhere else. */
  get read(): Selection<TableColumns<C>>['read'] {
    return this.all.read;
  }

  /** The columns, to be selected, of the table as `alias` calls it. */
  columns(alias?: string): TableColumns<C> {
    const prefix = alias === undefined ? '' : `${alias}.`;
    return Object.fromEntries(
      this.names.map((name) => [name, { sql: `${prefix}${this.stored[name]}`, read: this.types[name]!.read }]),
    ) as unknown as TableColumns<C>;
  }

  /** The tables of a cluster's shards. `database` must be a checked identifier. */
  in(database: string | ShardDatabase): ShardTables<C> {
    return new ShardTables(this, typeof database === 'string' ? new ShardDatabase(database) : database);
  }

  createSql(table: string, types: OtherTypes<C> = {}): string {
    const columns = this.names.map((name) => {
      const { sql, nullable, initial } = this.types[name]!;
      return `${this.stored[name]} ${types[name] ?? sql} ${nullable ? 'NULL' : 'NOT NULL'}${initial === undefined ? '' : ` DEFAULT ${initial}`}`;
    });
    const key = this.primaryKey.map((name) => this.stored[name]).join(', ');
    return `CREATE TABLE IF NOT EXISTS ${table} (${[...columns, `PRIMARY KEY (${key})`, ...this.indexes].join(', ')}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`;
  }

  /** Takes rows as one parameter, made by `rowsJson`. */
  insertSql(table: string, replace: boolean): string {
    return this.#insert.sql(table, replace ? this.#replaceAll : '');
  }

  rowsJson(rows: readonly Values<C>[]): string {
    return this.#insert.json(rows);
  }

  /** How rows stand in a backup, for Gizzard's `MovableTable.saved`: `valuesOf` gives the values of a row, and `rowOf` makes the row of selected columns. */
  saved<Row, Shard>(valuesOf: (row: Row) => Values<C>, rowOf: (row: SqlRow, shard: Shard) => Row) {
    return {
      columns: this.names.map((name) => this.stored[name]),
      cells: (row: Row) => this.#cells(valuesOf(row)),
      row: rowOf,
    };
  }

  #cells(row: Values<C>): (string | number | null)[] {
    return this.names.map((name) => this.types[name]!.write(row[name]));
  }

  /** Another way to insert rows than with all values of all columns. */
  bulkInsert<Row>(sources: ColumnSources<Row, C>): BulkInsert<Row> {
    return new BulkInsert(this.types, sources);
  }

  /** Has an insert of rows that exist write the new values of columns over the old ones. */
  replace(names: readonly Name<C>[]): string {
    const set = (column: string): string => `${column} = VALUES(${column})`;
    return `ON DUPLICATE KEY UPDATE ${names.map((name) => set(this.stored[name])).join(', ')}`;
  }

  /** Has an insert of rows that exist add the new values of columns to the old ones. */
  add(names: readonly Name<C>[]): string {
    const set = (column: string): string => `${column} = ${column} + VALUES(${column})`;
    return `ON DUPLICATE KEY UPDATE ${names.map((name) => set(this.stored[name])).join(', ')}`;
  }

  /** A table of keys, one parameter, which `keysJson` makes of rows, or which is a list of values of one column; `i` is the place of each, counted from 1. */
  keys(names: readonly Name<C>[]): string {
    const paths =
      names.length === 1
        ? `${names[0]} ${this.types[names[0]!]!.json} PATH '$'`
        : jsonPaths(names.map((name) => ({ name, type: this.types[name]! })));
    return `JSON_TABLE(?, '$[*]' COLUMNS (i FOR ORDINALITY, ${paths}))`;
  }
}

/**
 * @param name behind a shard's prefix
 * @param columns in their order in the table
 * @param key the column that is its primary key, or several
 * @param indexes further keys, as in `CREATE TABLE`
 */
export const defineTable = <C extends Columns>(
  name: string,
  columns: C,
  key: Name<C> | readonly Name<C>[],
  indexes: readonly string[] = [],
): TableDefinition<C> => new TableDefinition(name, columns, typeof key === 'string' ? [key] : key, indexes);

/** The tables of one definition in one database, one for each shard. */
export class ShardTables<C extends Columns> {
  constructor(
    readonly definition: TableDefinition<C>,
    readonly database: ShardDatabase,
  ) {}

  at({ id }: TableShard): ShardTable<C> {
    return new ShardTable(this.definition, this.database.table(id.tablePrefix, this.definition.name));
  }

  /** Makes a shard's table, and the database, where they are missing. */
  async create(host: DatabaseHost, shard: TableShard, deadline: Deadline, types?: OtherTypes<C>): Promise<void> {
    await this.database.create(host, deadline);
    await host.run(this.definition.createSql(this.at(shard).sql, types), [], deadline);
  }

  /** How the table is read page by page in the order of its key, which is an id: see `tableById`. */
  pages<Row, Shard extends TableShard>(rowOf: (row: SqlRow, shard: Shard) => Row) {
    return tableById(this.database, this.definition.name, this.definition.list, rowOf);
  }
}

/** One shard's table, whose key is an id. */
export class ShardTable<C extends Columns> {
  constructor(
    readonly definition: TableDefinition<C>,
    /** Its name, quoted, ready for SQL. */
    readonly sql: string,
  ) {}

  /** The rows of some ids that exist. `lock` ends the statement: `FOR UPDATE`. */
  rowsAt(session: SqlSession, ids: readonly bigint[], deadline: Deadline, lock = ''): Promise<SqlRow[]> {
    const { names, stored, key } = this.definition;
    // Inside a derived table, as MySQL 8 refuses to lock a statement whose own table is a JSON_TABLE (error 3569).
    return session.rows(
      `SELECT ${names.map((name) => `t.${stored[name]}`).join(', ')}
       FROM (SELECT i FROM JSON_TABLE(?, '$[*]' COLUMNS (i BIGINT UNSIGNED PATH '$')) j) k STRAIGHT_JOIN ${this.sql} t ON t.${stored[key]} = k.i ${lock}`,
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
    const { stored, key } = this.definition;
    await session.run(`DELETE FROM ${this.sql} WHERE ${stored[key]} = ?`, [id], deadline);
  }
}
