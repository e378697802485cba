import type { Deadline } from '../core/index.js';
import type { DatabaseHost } from './databaseHost.js';
import { existingTables } from './existingTables.js';

/** The part of a shard that names its tables. */
export interface TableShard {
  readonly id: { readonly tablePrefix: string };
}

/** Estimates: InnoDB samples. */
export interface TableSize {
  readonly rows: number;
  /** Including indexes. */
  readonly bytes: number;
}

/**
 * The database of a cluster's shards, with the same name on every host: tables are named by a shard's prefix and a
 * name.
 */
export class ShardDatabase {
  /** `name` must be a checked identifier. */
  constructor(readonly name: string) {}

  /**
   * The database for dropped tables on a host: no server looks for shards there, and no name collides with a new one.
   */
  get aside(): ShardDatabase {
    return new ShardDatabase(`${this.name}_dropped`);
  }

  /** The quoted name of a table that belongs to no shard. */
  named(table: string): string {
    return `\`${this.name}\`.\`${table}\``;
  }

  /** The quoted name of a shard's table. The prefix was checked when the shard was created. */
  table(prefix: string, name: string): string {
    return this.named(`${prefix}_${name}`);
  }

  async create(host: DatabaseHost, deadline: Deadline): Promise<void> {
    await host.run(`CREATE DATABASE IF NOT EXISTS \`${this.name}\``, [], deadline);
  }

  async drop(host: DatabaseHost, prefix: string, names: readonly string[], deadline: Deadline): Promise<void> {
    await host.run(`DROP TABLE IF EXISTS ${names.map((name) => this.table(prefix, name)).join(', ')}`, [], deadline);
  }

  /** The existing ones of some tables of a shard, which may have been created in part. */
  async held(host: DatabaseHost, prefix: string, names: readonly string[], deadline: Deadline): Promise<string[]> {
    const there = await existingTables(
      host,
      this.name,
      names.map((name) => `${prefix}_${name}`),
      deadline,
    );
    return names.filter((name) => there.has(`${prefix}_${name}`));
  }

  /** The prefixes with a table of this name on a host, and the size of each. */
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
