import type { Deadline } from '../../core/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { foldWrites, mergeInto, type EdgeRecord } from '../edgeRecord.js';
import { untouched, visibleState, type NodeRegisters } from '../nodeRegisters.js';
import { insertRows, readRows, replaceRows } from './edgeRows.js';
import type { EdgeRow } from './edgesTable.js';
import type { EdgeTables } from './flockTables.js';
import { addCounts, lockNodes, type Counts } from './nodeRows.js';

/** A row as it is after a write, and what its own node has been through. */
export interface AppliedRow {
  readonly record: EdgeRecord;
  readonly node: NodeRegisters;
  /** The rank of the state that queries see. */
  readonly visible: number;
  /** Whether the write changed the row. */
  readonly changed: boolean;
}

/**
 * Merges writes into one shard's rows and counters, in one transaction: all of them, or none.
 *
 * First the nodes are locked, in the order of their ids: whoever writes edges of a node holds its row, so that the rows read next cannot change before
 * the end. A node without a row is inserted plainly: when another process has inserted it since, that is a duplicate key, and the transaction starts again.
 * So what the counters gain is always the difference between rows as they were and rows as they are.
 */
export function applyEdges(
  host: DatabaseHost,
  tables: EdgeTables,
  writes: readonly EdgeRecord[],
  deadline: Deadline,
): Promise<AppliedRow[]> {
  const folded = foldWrites(writes);
  const ids = [...new Set(folded.map((write) => write.sourceId))];
  return host.transaction(deadline, async (session) => {
    const nodes = await lockNodes(session, tables, ids, deadline);
    const known = await readRows(session, tables, folded, deadline);
    const inserted: EdgeRow[] = [];
    const replaced: EdgeRow[] = [];
    const counts = new Map<bigint, Counts>(ids.map((id) => [id, [0, 0, 0, 0]]));
    const applied = folded.map((write, place): AppliedRow => {
      const row = known.get(place);
      const node = nodes.get(write.sourceId)?.registers ?? untouched;
      const record = row?.record ?? write;
      const merged = row === undefined || mergeInto(record, write);
      const visible = visibleState(record, node, record.peer);
      const changed = merged || row.visible !== visible;
      if (!changed) return { record, node, visible, changed };
      const delta = counts.get(record.sourceId)!;
      if (row !== undefined) delta[row.visible]!--;
      delta[visible]!++;
      (row === undefined ? inserted : replaced).push({ record, visible });
      return { record, node, visible, changed };
    });
    await addCounts(session, tables, counts, nodes, deadline);
    await insertRows(session, tables, inserted, deadline);
    await replaceRows(session, tables, replaced, deadline);
    return applied;
  });
}
