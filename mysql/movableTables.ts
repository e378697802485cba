import type { Deadline } from '../core/index.js';
import type { DatabaseHost } from './databaseHost.js';
import { asideDatabase } from './droppedTables.js';

/** All of a shard that names its tables. */
export interface TableShard {
  readonly id: { readonly tablePrefix: string };
}

export interface NamedTable {
  readonly name: string;
}

/** Estimates: InnoDB counts samples. */
export interface TableSize {
  readonly rows: number;
  /** With indexes. */
  readonly bytes: number;
}

/** The name of a shard's table, quoted, ready for SQL. The database is named after the cluster; its name and the prefix were checked when they were made. */
export const shardTable = (database: string, prefix: string, name: string): string =>
  `\`${database}\`.\`${prefix}_${name}\``;

/** How shards are taken away, set aside and found whose tables are called `<prefix>_<name>`, all in one database: the part of Gizzard's `Movable` that is the same for all of them. */
export function movableTables<const Tables extends readonly [NamedTable, ...NamedTable[]]>(
  database: string,
  tables: Tables,
) {
  const aside = asideDatabase(database);
  const names = tables.map(({ name }) => name);
  return {
    tables,
    drop: (host: DatabaseHost, { id }: TableShard, deadline: Deadline): Promise<void> =>
      drop(host, database, id.tablePrefix, names, deadline),
    async rename(host: DatabaseHost, { id }: TableShard, prefix: string, deadline: Deadline): Promise<void> {
      const done = await host.rows(
        'SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?',
        [database, `${prefix}_${names[0]}`],
        deadline,
      );
      if (done.length > 0) return;
      await rename(host, names, [database, id.tablePrefix], [database, prefix], deadline);
    },
    holds: async (host: DatabaseHost, { id }: TableShard, deadline: Deadline): Promise<boolean> =>
      (await tablesAt(host, database, id.tablePrefix, names, deadline)).length > 0,
    setAside: (host: DatabaseHost, { id }: TableShard, name: string, deadline: Deadline): Promise<boolean> =>
      relocate(host, names, [database, id.tablePrefix], [aside, name], deadline),
    bringBack: (host: DatabaseHost, { id }: TableShard, name: string, deadline: Deadline): Promise<boolean> =>
      relocate(host, names, [aside, name], [database, id.tablePrefix], deadline),
    dropAside: (host: DatabaseHost, name: string, deadline: Deadline): Promise<void> =>
      drop(host, aside, name, names, deadline),
    async stored(host: DatabaseHost, deadline: Deadline): Promise<ReadonlyMap<string, TableSize>> {
      const sizes = new Map<string, TableSize>();
      for (const name of names)
        for (const [prefix, { rows, bytes }] of await storedAs(host, database, name, deadline)) {
          const before = sizes.get(prefix) ?? { rows: 0, bytes: 0 };
          sizes.set(prefix, { rows: before.rows + rows, bytes: before.bytes + bytes });
        }
      return sizes;
    },
    async missing(
      host: DatabaseHost,
      prefixes: readonly string[],
      deadline: Deadline,
    ): Promise<ReadonlyMap<string, readonly string[]>> {
      const missing = new Map<string, string[]>();
      if (prefixes.length === 0) return missing;
      for (const name of names) {
        const stored = await storedAs(host, database, name, deadline);
        for (const prefix of prefixes)
          if (!stored.has(prefix)) missing.set(prefix, [...(missing.get(prefix) ?? []), `${prefix}_${name}`]);
      }
      return missing;
    },
  };
}

/** A database, and a prefix of tables in it. */
type Place = readonly [database: string, prefix: string];

async function drop(
  host: DatabaseHost,
  database: string,
  prefix: string,
  names: readonly string[],
  deadline: Deadline,
): Promise<void> {
  await host.run(
    `DROP TABLE IF EXISTS ${names.map((name) => shardTable(database, prefix, name)).join(', ')}`,
    [],
    deadline,
  );
}

async function rename(
  host: DatabaseHost,
  names: readonly string[],
  from: Place,
  to: Place,
  deadline: Deadline,
): Promise<void> {
  await host.run(
    `RENAME TABLE ${names.map((name) => `${shardTable(...from, name)} TO ${shardTable(...to, name)}`).join(', ')}`,
    [],
    deadline,
  );
}

/** Moves the tables that are at one place to another, all in one step. False where there are none. */
async function relocate(
  host: DatabaseHost,
  names: readonly string[],
  from: Place,
  to: Place,
  deadline: Deadline,
): Promise<boolean> {
  const held = await tablesAt(host, ...from, names, deadline);
  if (held.length === 0) return false;
  await rename(host, held, from, to, deadline);
  return true;
}

/** The prefixes that a host has a table of this name for, and what each holds. */
async function storedAs(
  host: DatabaseHost,
  database: string,
  name: string,
  deadline: Deadline,
): Promise<ReadonlyMap<string, TableSize>> {
  const suffix = `_${name}`;
  const found = await host.rows(
    `SELECT table_name, COALESCE(table_rows, 0), COALESCE(data_length + index_length, 0)
     FROM information_schema.tables WHERE table_schema = ? AND RIGHT(table_name, ?) = ?`,
    [database, suffix.length, suffix],
    deadline,
  );
  return new Map(
    found.map(([table, rows, bytes]) => [
      String(table).slice(0, -suffix.length),
      { rows: Number(rows), bytes: Number(bytes) },
    ]),
  );
}

/** Those of some tables that are at a place: a shard may have been made in part. */
async function tablesAt(
  host: DatabaseHost,
  database: string,
  prefix: string,
  names: readonly string[],
  deadline: Deadline,
): Promise<string[]> {
  const rows = await host.rows(
    `SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_name IN (${names.map(() => '?').join(', ')})`,
    [database, ...names.map((name) => `${prefix}_${name}`)],
    deadline,
  );
  return rows.map(([name]) => String(name).slice(prefix.length + 1));
}
