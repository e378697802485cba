import { Deadline, groupBy, RoostError } from '../../core/index.js';
import type { DatabaseHosts } from '../../mysql/index.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import type { Movable } from './movable.js';

const deadlineMs = 10_000;

/** What a shard's tables hold, by the statistics of its host. */
export interface ShardSize {
  /** An estimate: InnoDB counts samples. */
  readonly rows: number;
  /** With indexes. */
  readonly bytes: number;
}

/** The sizes of leaves, by `shardKey`. Those on hosts that do not answer, and those without tables, are absent. One statement a host. */
export async function shardSizes(
  hosts: Pick<DatabaseHosts, 'host'>,
  shards: readonly ShardInfo[],
  movableType: (type: string) => Movable,
): Promise<ReadonlyMap<string, ShardSize>> {
  const sizes = new Map<string, ShardSize>();
  const byHost = groupBy(shards, ({ id }) => id.hostname);
  await Promise.all(
    Array.from(byHost, async ([hostname, ofHost]) => {
      const wanted = new Map<string, string>();
      const databases = new Set<string>();
      for (const shard of ofHost) {
        const movable = movableType(shard.type);
        const { database, prefix } = movable.place(shard);
        databases.add(database);
        for (const { name } of movable.tables) wanted.set(`${database}.${prefix}_${name}`, shardKey(shard.id));
      }
      try {
        for (const database of databases) {
          const tables = await hosts
            .host(hostname)
            .rows(
              'SELECT table_name, COALESCE(table_rows, 0), COALESCE(data_length + index_length, 0) FROM information_schema.tables WHERE table_schema = ?',
              [database],
              Deadline.after(deadlineMs),
            );
          for (const [table, rows, bytes] of tables) {
            const key = wanted.get(`${database}.${String(table)}`);
            if (key === undefined) continue;
            const before = sizes.get(key) ?? { rows: 0, bytes: 0 };
            sizes.set(key, { rows: before.rows + Number(rows), bytes: before.bytes + Number(bytes) });
          }
        }
      } catch (error) {
        if (!(error instanceof RoostError && error.retryable)) throw error;
      }
    }),
  );
  return sizes;
}
