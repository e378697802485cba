import type { Deadline } from '../../core/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import type { Movable, MovableTable, TablePlace } from './movable.js';

/** The name of a shard's table, quoted, ready for SQL. The database is named after the cluster; its name and the prefix were checked when they were made. */
export const shardTable = (database: string, prefix: string, name: string): string =>
  `\`${database}\`.\`${prefix}_${name}\``;

/** How shards move whose tables are called `<prefix>_<name>`, all in one database. */
export const movableTables = (database: string, tables: readonly [MovableTable, ...MovableTable[]]): Movable => ({
  tables,
  async drop(host, shard, deadline) {
    await host.run(
      `DROP TABLE IF EXISTS ${tables.map(({ name }) => shardTable(database, shard.id.tablePrefix, name)).join(', ')}`,
      [],
      deadline,
    );
  },
  async rename(host, shard, prefix, deadline) {
    const done = await host.rows(
      'SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?',
      [database, `${prefix}_${tables[0].name}`],
      deadline,
    );
    if (done.length > 0) return;
    await host.run(
      `RENAME TABLE ${tables.map(({ name }) => `${shardTable(database, shard.id.tablePrefix, name)} TO ${shardTable(database, prefix, name)}`).join(', ')}`,
      [],
      deadline,
    );
  },
  place: ({ id }) => ({ database, prefix: id.tablePrefix }),
  holds: async (host, place, deadline) => (await tablesAt(host, place, tables, deadline)).length > 0,
  async relocate(host, from, to, deadline) {
    const names = await tablesAt(host, from, tables, deadline);
    if (names.length === 0) return false;
    await host.run(
      `RENAME TABLE ${names.map((name) => `${shardTable(from.database, from.prefix, name)} TO ${shardTable(to.database, to.prefix, name)}`).join(', ')}`,
      [],
      deadline,
    );
    return true;
  },
  async dropAt(host, place, deadline) {
    await host.run(
      `DROP TABLE IF EXISTS ${tables.map(({ name }) => shardTable(place.database, place.prefix, name)).join(', ')}`,
      [],
      deadline,
    );
  },
  async stored(host, deadline) {
    const bytes = new Map<string, number>();
    for (const { name } of tables)
      for (const [prefix, size] of await storedAs(host, database, name, deadline))
        bytes.set(prefix, (bytes.get(prefix) ?? 0) + size);
    return bytes;
  },
  async missing(host, prefixes, deadline) {
    const missing = new Map<string, string[]>();
    if (prefixes.length === 0) return missing;
    for (const { name } of tables) {
      const stored = await storedAs(host, database, name, deadline);
      for (const prefix of prefixes)
        if (!stored.has(prefix)) missing.set(prefix, [...(missing.get(prefix) ?? []), `${prefix}_${name}`]);
    }
    return missing;
  },
});

/** The prefixes that a host has a table of this name for, and the bytes that each takes. */
async function storedAs(
  host: DatabaseHost,
  database: string,
  name: string,
  deadline: Deadline,
): Promise<ReadonlyMap<string, number>> {
  const suffix = `_${name}`;
  const found = await host.rows(
    'SELECT table_name, data_length + index_length FROM information_schema.tables WHERE table_schema = ? AND RIGHT(table_name, ?) = ?',
    [database, suffix.length, suffix],
    deadline,
  );
  return new Map(found.map(([table, size]) => [String(table).slice(0, -suffix.length), Number(size)]));
}

/** Those of some tables that are at a place: a shard may have been made in part. */
async function tablesAt(
  host: DatabaseHost,
  { database, prefix }: TablePlace,
  tables: readonly MovableTable[],
  deadline: Deadline,
): Promise<string[]> {
  const names = tables.map(({ name }) => `${prefix}_${name}`);
  const rows = await host.rows(
    `SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_name IN (${names.map(() => '?').join(', ')})`,
    [database, ...names],
    deadline,
  );
  return rows.map(([name]) => String(name).slice(prefix.length + 1));
}
