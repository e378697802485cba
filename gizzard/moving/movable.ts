import type { Deadline } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { ShardInfo } from '../topology/types.js';

/**
 * What a shard type implements so that its shards can be copied, repaired, compared, moved, split and merged while they are read and written.
 *
 * A shard is a list of tables, each a set of rows with a key that never changes. What an application deletes, it marks: rows go only from a shard to which their keys do not lead.
 */
export interface Movable<H extends Host = Host> {
  /** In the order in which they are copied: a row may need those of earlier tables beside it. */
  readonly tables: readonly MovableTable<unknown, H>[];
  /** Takes the shard's tables away. Does nothing where there are none. */
  drop(host: H, shard: ShardInfo, deadline: Deadline): Promise<void>;
  /**
   * Gives the shard's tables another prefix in one step, so that whoever still writes to the old name fails. Tables that have it already stay.
   * `prefix` may be up to 4 characters longer than a shard's.
   */
  rename(host: H, shard: ShardInfo, prefix: string, deadline: Deadline): Promise<void>;
  /** Whether the host has at least one of the shard's tables. */
  holds(host: H, shard: ShardInfo, deadline: Deadline): Promise<boolean>;
  /** Moves a shard's tables out of its name and to `name` among what is set aside on the host, all in one step: whoever still writes to the shard fails. False where there are none. */
  setAside(host: H, shard: ShardInfo, name: string, deadline: Deadline): Promise<boolean>;
  /** Gives tables that are set aside as `name` to a shard, all in one step. False where there are none. The shard holds none. */
  bringBack(host: H, shard: ShardInfo, name: string, deadline: Deadline): Promise<boolean>;
  /** Deletes tables that are set aside for good. Does nothing where there are none. */
  dropAside(host: H, name: string, deadline: Deadline): Promise<void>;
  /** The prefixes of all shards of this type whose tables are on a host, and what each holds. */
  stored(host: H, deadline: Deadline): Promise<ReadonlyMap<string, ShardSize>>;
  /** By prefix, the names of the tables that shards of these prefixes lack on a host. Prefixes that lack none are absent. */
  missing(host: H, prefixes: readonly string[], deadline: Deadline): Promise<ReadonlyMap<string, readonly string[]>>;
}

/** What a shard holds, as its host says it: perhaps an estimate. */
export interface ShardSize {
  readonly rows: number;
  /** With indexes. */
  readonly bytes: number;
}

/** How many rows a range has, and what they come to: the same for the same rows on any two hosts of a backend. */
export interface RowsDigest {
  readonly rows: number;
  readonly hash: string;
}

/** A value of a row outside of its host, as JSON has it. Integers of 64 bits may be texts. */
export type SavedCell = string | number | null;

/** How the rows of a table stand outside of their host, as in a backup. */
export interface SavedRows<Row> {
  /** Names that stay from release to release. */
  readonly columns: readonly string[];
  /** The values of the columns. */
  cells(this: void, row: Row): readonly SavedCell[];
  /** The row again. Null stands for a column that the backup's release did not have. `shard` is any shard of the topology's table. */
  row(this: void, cells: readonly SavedCell[], shard: ShardInfo): Row;
}

/** One table of a shard. Keys are opaque texts; the empty one comes before all. */
export interface MovableTable<Row = unknown, H extends Host = Host> {
  readonly name: string;
  /** How many rows there are: exact while nothing is written. */
  count(host: H, shard: ShardInfo, deadline: Deadline): Promise<number>;
  /** The key `limit` rows behind `after`; undefined where fewer rows are left. */
  pageEnd(host: H, shard: ShardInfo, after: string, limit: number, deadline: Deadline): Promise<string | undefined>;
  /** The rows behind `after` up to and including `end`, in no particular order; without `end` up to the last. */
  rows(host: H, shard: ShardInfo, after: string, end: string | undefined, deadline: Deadline): Promise<Row[]>;
  /**
   * A digest of the same rows, made by the host from all of their columns. Shards whose digests are the same are not read row by row.
   * Absent: they always are.
   */
  digest?(host: H, shard: ShardInfo, after: string, end: string | undefined, deadline: Deadline): Promise<RowsDigest>;
  /** Those of the rows that exist. */
  rowsAt(host: H, shard: ShardInfo, keys: readonly string[], deadline: Deadline): Promise<Row[]>;
  key(row: Row): string;
  compareKeys(a: string, b: string): number;
  /** What is hashed to find the row's shard. */
  routingKey(row: Row): bigint;
  /** Whether nothing, not even what is derived, tells the two apart. */
  same(a: Row, b: Row): boolean;
  /** Whether `other` holds something newer, by the conflict rules, than `row`. */
  lacks(row: Row, other: Row): boolean;
  /**
   * Merges rows into the shard by the conflict rules, and brings up to date what is derived from them, under the locks that normal writes take.
   * Repeating it changes nothing.
   */
  write(host: H, shard: ShardInfo, rows: readonly Row[], deadline: Deadline): Promise<void>;
  /**
   * Deletes rows that another shard holds by now: those that are still as they were read, and that no other row of the shard needs. In one transaction, under the locks
   * that writes take; what is derived from them follows. Returns how many it deleted. Absent: rows in a wrong shard are found, and stay there.
   */
  remove?(host: H, shard: ShardInfo, rows: readonly Row[], deadline: Deadline): Promise<number>;
  /** Keys of rows that contradict the shard's other tables, as of one moment. Absent: there is nothing that could. `write` puts them right. */
  contradictions?(
    this: void,
    host: H,
    shard: ShardInfo,
    after: string,
    end: string | undefined,
    deadline: Deadline,
  ): Promise<string[]>;
  /** How a backup holds its rows. `derived`: none does, as they follow from what other tables hold, and are made anew after a restore. */
  readonly saved: SavedRows<Row> | 'derived';
  /** The row for people: column and value. */
  describe(row: Row): Readonly<Record<string, string>>;
}
