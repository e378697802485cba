import { appendTo, type Deadline } from '../core/index.js';
import type { DatabaseHost } from './databaseHost.js';
import type { ShardDatabase, TableShard, TableSize } from './shardDatabase.js';

export interface NamedTable {
  readonly name: string;
}

/**
 * How shards with tables `<prefix>_<name>` in one database are dropped, set aside and found: the part of Gizzard's
 * `Movable` that all of them share.
 */
export function movableTables<const Tables extends readonly [NamedTable, ...NamedTable[]]>(
  database: ShardDatabase,
  tables: Tables,
) {
  const { aside } = database;
  const names = tables.map(({ name }) => name);
  return {
    tables,
    drop: (host: DatabaseHost, { id }: TableShard, deadline: Deadline): Promise<void> =>
      database.drop(host, id.tablePrefix, names, deadline),
    async rename(host: DatabaseHost, { id }: TableShard, prefix: string, deadline: Deadline): Promise<void> {
      if ((await database.held(host, prefix, names.slice(0, 1), deadline)).length > 0) return;
      await rename(host, names, [database, id.tablePrefix], [database, prefix], deadline);
    },
    holds: async (host: DatabaseHost, { id }: TableShard, deadline: Deadline): Promise<boolean> =>
      (await database.held(host, id.tablePrefix, names, deadline)).length > 0,
    setAside: (host: DatabaseHost, { id }: TableShard, name: string, deadline: Deadline): Promise<boolean> =>
      relocate(host, names, [database, id.tablePrefix], [aside, name], deadline),
    bringBack: (host: DatabaseHost, { id }: TableShard, name: string, deadline: Deadline): Promise<boolean> =>
      relocate(host, names, [aside, name], [database, id.tablePrefix], deadline),
    dropAside: (host: DatabaseHost, name: string, deadline: Deadline): Promise<void> =>
      aside.drop(host, name, names, deadline),
    async stored(host: DatabaseHost, deadline: Deadline): Promise<ReadonlyMap<string, TableSize>> {
      const sizes = new Map<string, TableSize>();
      for (const name of names)
        for (const [prefix, { rows, bytes }] of await database.stored(host, name, deadline)) {
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
        const stored = await database.stored(host, name, deadline);
        for (const prefix of prefixes) if (!stored.has(prefix)) appendTo(missing, prefix, `${prefix}_${name}`);
      }
      return missing;
    },
  };
}

/** A prefix of tables in a database. */
type Place = readonly [database: ShardDatabase, prefix: string];

async function rename(
  host: DatabaseHost,
  names: readonly string[],
  [from, oldPrefix]: Place,
  [to, prefix]: Place,
  deadline: Deadline,
): Promise<void> {
  const pairs = names.map((name) => `${from.table(oldPrefix, name)} TO ${to.table(prefix, name)}`);
  await host.run(`RENAME TABLE ${pairs.join(', ')}`, [], deadline);
}

/** Renames tables from one place to another in one step. False if there are none. */
async function relocate(
  host: DatabaseHost,
  names: readonly string[],
  from: Place,
  to: Place,
  deadline: Deadline,
): Promise<boolean> {
  const [database, prefix] = from;
  const held = await database.held(host, prefix, names, deadline);
  if (held.length === 0) return false;
  await rename(host, held, from, to, deadline);
  return true;
}
