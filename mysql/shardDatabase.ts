import type { Deadline } from '../core/index.js';
import type { DatabaseHost } from './databaseHost.js';
import { existingTables } from './existingTables.js';

/** All of a shard that names its tables. */
export interface TableShard {
  readonly id: { readonly tablePrefix: string };
}

/** Estimates: InnoDB counts samples. */
export interface TableSize {
  readonly rows: number;
  /** With indexes. */
  readonly bytes: number;
}

/** The database of a cluster's shards, called the same on every host: tables are named by a shard's prefix and a name. */
export class ShardDatabase {
  /** `name` must be a checked identifier. */
  constructor(readonly name: string) {}

  /** Where a host keeps tables that were dropped: no server looks for shards there, and no name meets that of a new one. */
  get aside(): ShardDatabase {
    return new ShardDatabase(`${this.name}_dropped`);
  }

  /** The name of a table of its own, quoted, ready for SQL. */
  named(table: string): string {
    return `\`${this.name}\`.\`${table}\``;
  }

  /** The same of a shard's table. The prefix was checked when the shard was made. */
  table(prefix: string, name: string): string {
    return this.named(`${prefix}_${name}`);
  }

  async create(host: DatabaseHost, deadline: Deadline): Promise<void> {
    await host.run(`CREATE DATABASE IF NOT EXISTS \`${this.name}\``, [], deadline);
  }

  async drop(host: DatabaseHost, prefix: string, names: readonly string[], deadline: Deadline): Promise<void> {
    await host.run(`DROP TABLE IF EXISTS ${names.map((name) => this.table(prefix, name)).join(', ')}`, [], deadline);
  }

  /** Those of some tables that a shard has: it may have been made in part. */
  async held(host: DatabaseHost, prefix: string, names: readonly string[], deadline: Deadline): Promise<string[]> {
    const there = await existingTables(
      host,
      this.name,
      names.map((name) => `${prefix}_${name}`),
      deadline,
    );
    return names.filter((name) => there.has(`${prefix}_${name}`));
  }

  /** The prefixes that a host has a table of this name for, and what each holds. */
  async stored(host: DatabaseHost, name: string, deadline: Deadline): Promise<ReadonlyMap<string, TableSize>> {
    const suffix = `_${name}`;
    const found = await host.rows(
      `SELECT table_name, COALESCE(table_rows, 0), COALESCE(data_length + index_length, 0)
       FROM information_schema.tables WHERE table_schema = ? AND RIGHT(table_name, ?) = ?`,
      [this.name, suffix.length, suffix],
      deadline,
    );
    return new Map(
      found.map(([table, rows, bytes]) => [
        String(table).slice(0, -suffix.length),
        { rows: Number(rows), bytes: Number(bytes) },
      ]),
    );
  }
}
