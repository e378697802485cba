import { setTimeout as sleep } from 'node:timers/promises';
import { type Deadline, isRoostError } from '../../core/index.js';
import type { Topology } from '../topology/topology.js';
import { tablesRead } from '../topology/tablesRead.js';
import type { Movable } from './movable.js';

/** Where the rows stand now that a copy or a repair has written, for one of the tables that readers find them by. */
export interface WrittenRows {
  /** The name of the shard's table, and the keys of its rows. */
  readonly table: string;
  readonly keys: readonly string[];
  /** The topology's table. */
  readonly tableId: number;
  readonly deadline: Deadline;
}

const retryAfterMs = 100;

/**
 * The same, but that `told` hears of rows that are written to shards which serve reads, before and after: what is cached of them may be out of date. A shard that does not serve them
 * yet, as the target of a migration, is to hold what its sources have, and that is what is cached.
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
      // Before, for a process that is killed behind the write: what is written once is the same from then on, and not told again. After, for those who read meanwhile.
      await tell();
      await table.write(host, shard, rows, deadline);
      await tell();
    },
  })),
});
