import type { Deadline } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { ShardInfo } from '../topology/types.js';

/**
 * Implemented by a shard type so that its shards can be copied, repaired, compared, moved, split and merged during
 * reads and writes.
 *
 * A shard is a list of tables, each a set of rows with a key that never changes. Applications mark rows as deleted;
 * rows are removed only from a shard that their keys do not lead to.
 */
export interface Movable<H extends Host = Host> {
  /** In the order of copying: a row may need rows of earlier tables. */
  readonly tables: readonly MovableTable<unknown, H>[];
  /** Drops the shard's tables. Does nothing if there are none. */
  drop(host: H, shard: ShardInfo, deadline: Deadline): Promise<void>;
  /**
   * Gives the shard's tables another prefix in one step, so that writers with the old name fail. Tables that have it
   * already stay. `prefix` may be up to 4 characters longer than a shard's.
   */
  rename(host: H, shard: ShardInfo, prefix: string, deadline: Deadline): Promise<void>;
  /** Whether the host has at least one of the shard's tables. */
  holds(host: H, shard: ShardInfo, deadline: Deadline): Promise<boolean>;
  /**
   * Moves a shard's tables to `name` among the set-aside data of the host, all in one step: writers to the shard
   * fail. False if there are none.
   */
  setAside(host: H, shard: ShardInfo, name: string, deadline: Deadline): Promise<boolean>;
  /** Gives the set-aside tables `name` to a shard that has none, all in one step. False if there are none. */
  bringBack(host: H, shard: ShardInfo, name: string, deadline: Deadline): Promise<boolean>;
  /** Deletes set-aside tables for good. Does nothing if there are none. */
  dropAside(host: H, name: string, deadline: Deadline): Promise<void>;
  /** The prefixes of all shards of this type with tables on a host, and the size of each. */
  stored(host: H, deadline: Deadline): Promise<ReadonlyMap<string, ShardSize>>;
  /** The names of missing tables, by prefix, for shards on a host. Prefixes without missing tables are absent. */
  missing(host: H, prefixes: readonly string[], deadline: Deadline): Promise<ReadonlyMap<string, readonly string[]>>;
}

/** The size of a shard as its host reports it; may be an estimate. */
export interface ShardSize {
  readonly rows: number;
  /** Including indexes. */
  readonly bytes: number;
}

/** The number of rows in a range, and a digest: equal for equal rows on any two hosts of a backend. */
export interface RowsDigest {
  readonly rows: number;
  readonly hash: string;
}

/** A row's value outside its host, in JSON. 64-bit integers may be strings. */
export type SavedCell = string | number | null;

/** The form of a table's rows outside their host, as in a backup. */
export interface SavedRows<Row> {
  /** Names that stay the same in all releases. */
  readonly columns: readonly string[];
  /** The values of the columns. */
  cells(this: void, row: Row): readonly SavedCell[];
  /**
   * Restores the row. Null stands for a column that the backup's release lacked. `shard` is any shard of the
   * topology's table.
   */
  row(this: void, cells: readonly SavedCell[], shard: ShardInfo): Row;
}

/** One table of a shard. Keys are opaque strings; the empty one comes before all. */
export interface MovableTable<Row = unknown, H extends Host = Host> {
  readonly name: string;
  /** The number of rows: exact while nothing is written. */
  count(host: H, shard: ShardInfo, deadline: Deadline): Promise<number>;
  /** The key `limit` rows after `after`; undefined if fewer rows are left. */
  pageEnd(host: H, shard: ShardInfo, after: string, limit: number, deadline: Deadline): Promise<string | undefined>;
  /** The rows after `after` up to and including `end`, in no particular order; without `end` up to the last. */
  rows(host: H, shard: ShardInfo, after: string, end: string | undefined, deadline: Deadline): Promise<Row[]>;
  /**
   * A digest of these rows over all their columns, computed by the host. Shards with equal digests are not read row
   * by row. Absent: they always are.
   */
  digest?(host: H, shard: ShardInfo, after: string, end: string | undefined, deadline: Deadline): Promise<RowsDigest>;
  /** The rows that exist. */
  rowsAt(host: H, shard: ShardInfo, keys: readonly string[], deadline: Deadline): Promise<Row[]>;
  key(row: Row): string;
  compareKeys(a: string, b: string): number;
  /** The key that is hashed to find the row's shard. */
  routingKey(row: Row): bigint;
  /** Whether the two are equal, including derived values. */
  same(a: Row, b: Row): boolean;
  /** Whether `other` holds something newer than `row`, by the conflict rules. */
  lacks(row: Row, other: Row): boolean;
  /**
   * Merges rows into the shard by the conflict rules and updates derived values, under the locks that normal writes
   * take. Idempotent.
   */
  write(host: H, shard: ShardInfo, rows: readonly Row[], deadline: Deadline): Promise<void>;
  /**
   * Deletes rows that another shard holds by now, if they are unchanged and no other row of the shard needs them; in
   * one transaction, under the locks that writes take, with derived values. Returns how many. Absent: stray rows are
   * found, and stay.
   */
  remove?(host: H, shard: ShardInfo, rows: readonly Row[], deadline: Deadline): Promise<number>;
  /**
   * Keys of rows that contradict the shard's other tables, as of one moment. Absent: nothing can. `write` corrects
   * them.
   */
  contradictions?(
    this: void,
    host: H,
    shard: ShardInfo,
    after: string,
    end: string | undefined,
    deadline: Deadline,
  ): Promise<string[]>;
  /**
   * The form of its rows in backups. `derived`: none, because they follow from other tables and are made anew after a
   * restore.
   */
  readonly saved: SavedRows<Row> | 'derived';
  /** The row for people, by column. */
  describe(row: Row): Readonly<Record<string, string>>;
}
