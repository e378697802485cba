import { setTimeout as sleep } from 'node:timers/promises';
import { type Deadline, isRoostError } from '../../core/index.js';
import type { Topology } from '../topology/topology.js';
import { tablesRead } from '../topology/tablesRead.js';
import type { Movable } from './movable.js';

/** The rows that a copy or repair has written, for one of the tables by which readers find them. */
export interface WrittenRows {
  /** The shard's table, and the keys of its rows. */
  readonly table: string;
  readonly keys: readonly string[];
  /** The topology's table id. */
  readonly tableId: number;
  readonly deadline: Deadline;
}

const retryAfterMs = 100;

/**
 * Wraps `write` so that `told` hears of rows written to shards that serve reads, before and after the write: cached
 * entries may be outdated. A shard that does not serve reads yet, such as a migration's target, gets what its sources
 * hold, and that is what is cached.
 */
export const toldOfWrites = (
  movable: Movable,
  topology: () => Topology,
  told: (written: WrittenRows) => Promise<void>,
): Movable => ({
  ...movable,
  tables: movable.tables.map((table) => ({
    ...table,
    async write(host, shard, rows, deadline) {
      const tell = async (): Promise<void> => {
        for (const tableId of tablesRead(topology(), shard.id)) {
          for (;;) {
            try {
              await told({ table: table.name, keys: rows.map((row) => table.key(row)), tableId, deadline });
              break;
            } catch (error) {
              if (!isRoostError(error, 'Unavailable') || deadline.passed) throw error;
              await sleep(retryAfterMs);
            }
          }
        }
      };
      // Before, in case the process dies after the write: a repeated write changes nothing, and is not reported
      // again. After, for readers during the write.
      await tell();
      await table.write(host, shard, rows, deadline);
      await tell();
    },
  })),
});
