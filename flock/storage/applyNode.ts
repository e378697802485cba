import type { Deadline } from '../../core/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { mergeNodes, untouched, visibleState, type NodeRegisters } from '../nodeRegisters.js';
import { columnTypes, expression, select } from '../../mysql/index.js';
import { replaceRows } from './edgeRows.js';
import { edgeColumns, edgesTable, rowOf, type EdgeRow } from './edgesTable.js';
import type { EdgeTables } from './flockTables.js';
import { addCounts, lockNodes, writeCounts, writeNode, type Counts } from './nodeRows.js';

/** Rows of a node that one transaction brings up to date. */
const sweepRows = 1_000;

/**
 * Merges registers into a node's row. The node's edges are as they were: from now on every write of one sees the new registers, and a sweep brings the
 * others up to date.
 */
export function applyNode(
  host: DatabaseHost,
  tables: EdgeTables,
  id: bigint,
  registers: NodeRegisters,
  deadline: Deadline,
): Promise<void> {
  return host.transaction(deadline, async (session) => {
    const before = (await lockNodes(session, tables, [id], deadline)).get(id)?.registers;
    const after = mergeNodes(before ?? untouched, registers);
    if (before === undefined || after !== before)
      await writeNode(session, tables, id, after, before !== undefined, deadline);
  });
}

export interface SweptPage {
  readonly records: readonly EdgeRecord[];
  /** What the node has been through. */
  readonly node: NodeRegisters;
  /** The last destination of the page; undefined at the end of the node's edges. */
  readonly next: bigint | undefined;
}

/** Brings the visible state of a node's edges behind `after` up to date with its registers, one page in one transaction. Repeating it changes nothing. */
export function sweepPage(
  host: DatabaseHost,
  tables: EdgeTables,
  tableId: number,
  id: bigint,
  after: bigint | undefined,
  deadline: Deadline,
): Promise<SweptPage> {
  return host.transaction(deadline, async (session) => {
    const nodes = await lockNodes(session, tables, [id], deadline);
    const node = nodes.get(id)?.registers ?? untouched;
    const rows = await session.rows(
      `SELECT ${edgesTable.list} FROM ${tables.edges} FORCE INDEX (membership)
       WHERE source_id = ?${after === undefined ? '' : ' AND destination_id > ?'} ORDER BY destination_id LIMIT ?`,
      [id, ...(after === undefined ? [] : [after]), sweepRows],
      deadline,
    );
    const page = rows.map((row) => rowOf(tableId, row));
    const delta: Counts = [0, 0, 0, 0];
    const changed: EdgeRow[] = [];
    for (const row of page) {
      const visible = visibleState(row.record, node, row.record.peer);
      if (visible === row.visible) continue;
      delta[row.visible]!--;
      delta[visible]!++;
      changed.push({ record: row.record, visible });
    }
    if (changed.length > 0) await addCounts(session, tables, new Map([[id, delta]]), nodes, deadline);
    await replaceRows(session, tables, changed, deadline);
    return {
      records: page.map(({ record }) => record),
      node,
      next: page.length < sweepRows ? undefined : page.at(-1)!.record.destinationId,
    };
  });
}

const ofState = select({ state: edgeColumns.state, count: expression('COUNT(*)', columnTypes.safeInteger) });

/** Sets a node's counters to the numbers of its rows. Under the node's lock, so that no write comes between counting and setting. */
export function recount(host: DatabaseHost, tables: EdgeTables, id: bigint, deadline: Deadline): Promise<void> {
  return host.transaction(deadline, async (session) => {
    const known = (await lockNodes(session, tables, [id], deadline)).has(id);
    if (!known) await writeNode(session, tables, id, untouched, false, deadline);
    const rows = await session.rows(
      `SELECT ${ofState.list} FROM ${tables.edges} WHERE source_id = ? GROUP BY state`,
      [id],
      deadline,
    );
    const counts: Counts = [0, 0, 0, 0];
    for (const row of rows) counts[ofState.read.state(row)] = ofState.read.count(row);
    await writeCounts(session, tables, id, counts, deadline);
  });
}
