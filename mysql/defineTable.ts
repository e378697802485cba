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
/** The values of a table's row, by column. */
export type RowOf<Table> = Table extends TableDefinition<infer C> ? Values<C> : never;

/** The columns of a table, for selecting. */
export type TableColumns<C extends Columns> = { readonly [N in keyof C]: SelectedColumn<ValueOf<C[N]>> };

/** Types of columns in some tables of a definition, as in `CREATE TABLE`. */
export type OtherTypes<C extends Columns> = { readonly [N in keyof C]?: string };

/**
 * A table that every shard of a type has, defined once: its declaration, column lists, bulk statements and readers
 * follow.
 */
export class TableDefinition<C extends Columns> {
  readonly names: readonly Name<C>[];
  /** The primary key, or its first column. */
  readonly key: Name<C>;
  /** The names of the columns in the database. */
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

  /** Decodes a row of all columns; no position of a column is used anywhere else. */
  get read(): Selection<TableColumns<C>>['read'] {
    return this.all.read;
  }

  /** The columns for selecting, of the table under `alias`. */
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

  /** Inserts rows from one parameter, made by `rowsJson`. */
  insertSql(table: string, replace: boolean): string {
    return this.#insert.sql(table, replace ? this.#replaceAll : '');
  }

  rowsJson(rows: readonly Values<C>[]): string {
    return this.#insert.json(rows);
  }

  /**
   * The form of rows in backups, for Gizzard's `MovableTable.saved`: `valuesOf` gives a row's values, and `rowOf`
   * restores the row from selected columns.
   */
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

  /** Inserts rows other than with all values of all columns. */
  bulkInsert<Row>(sources: ColumnSources<Row, C>): BulkInsert<Row> {
    return new BulkInsert(this.types, sources);
  }

  /** Makes an insert of existing rows overwrite these columns. */
  replace(names: readonly Name<C>[]): string {
    const set = (column: string): string => `${column} = VALUES(${column})`;
    return `ON DUPLICATE KEY UPDATE ${names.map((name) => set(this.stored[name])).join(', ')}`;
  }

  /** Makes an insert of existing rows add to these columns. */
  add(names: readonly Name<C>[]): string {
    const set = (column: string): string => `${column} = ${column} + VALUES(${column})`;
    return `ON DUPLICATE KEY UPDATE ${names.map((name) => set(this.stored[name])).join(', ')}`;
  }

  /**
   * A derived table of keys from one parameter, made by `keysJson`, or of the values of one column; `i` is the index
   * of each, counted from 1.
   */
  keys(names: readonly Name<C>[]): string {
    const paths =
      names.length === 1
        ? `${names[0]} ${this.types[names[0]!]!.json} PATH '$'`
        : jsonPaths(names.map((name) => ({ name, type: this.types[name]! })));
    return `JSON_TABLE(?, '$[*]' COLUMNS (i FOR ORDINALITY, ${paths}))`;
  }
}

/**
 * @param name the suffix after a shard's prefix
 * @param columns in the table's order
 * @param key the primary key's column, or columns
 * @param indexes further keys, as in `CREATE TABLE`
 */
export const defineTable = <C extends Columns>(
  name: string,
  columns: C,
  key: Name<C> | readonly Name<C>[],
  indexes: readonly string[] = [],
): TableDefinition<C> => new TableDefinition(name, columns, typeof key === 'string' ? [key] : key, indexes);

/** The tables of one definition in one database, one per shard. */
export class ShardTables<C extends Columns> {
  constructor(
    readonly definition: TableDefinition<C>,
    readonly database: ShardDatabase,
  ) {}

  at({ id }: TableShard): ShardTable<C> {
    return new ShardTable(this.definition, this.database.table(id.tablePrefix, this.definition.name));
  }

  /** Creates a shard's table, and the database, if missing. */
  async create(host: DatabaseHost, shard: TableShard, deadline: Deadline, types?: OtherTypes<C>): Promise<void> {
    await this.database.create(host, deadline);
    await host.run(this.definition.createSql(this.at(shard).sql, types), [], deadline);
  }

  /** How the table is read page by page in the order of its key, an id: see `tableById`. */
  pages<Row, Shard extends TableShard>(rowOf: (row: SqlRow, shard: Shard) => Row) {
    return tableById(this.database, this.definition.name, this.definition.list, rowOf);
  }
}

/** One shard's table with an id as key. */
export class ShardTable<C extends Columns> {
  constructor(
    readonly definition: TableDefinition<C>,
    /** Its quoted name, ready for SQL. */
    readonly sql: string,
  ) {}

  /** The existing rows of some ids. `lock` ends the statement: `FOR UPDATE`. */
  rowsAt(session: SqlSession, ids: readonly bigint[], deadline: Deadline, lock = ''): Promise<SqlRow[]> {
    const { names, stored, key } = this.definition;
    // In a derived table, because MySQL 8 refuses to lock a statement whose own table is a JSON_TABLE (error 3569).
    return session.rows(
      `SELECT ${names.map((name) => `t.${stored[name]}`).join(', ')}
       FROM (SELECT i FROM JSON_TABLE(?, '$[*]' COLUMNS (i BIGINT UNSIGNED PATH '$')) j) k STRAIGHT_JOIN ${this.sql} t ON t.${stored[key]} = k.i ${lock}`,
      [`[${ids.join()}]`],
      deadline,
    );
  }

  /** Inserts rows plainly: an existing one is a `Conflict`. */
  insert(session: SqlSession, rows: readonly Values<C>[], deadline: Deadline): Promise<void> {
    return this.#write(session, rows, false, deadline);
  }

  /** Writes whole rows, whether they exist or not. */
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
