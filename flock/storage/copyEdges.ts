import { groupBy, type Deadline } from '../../core/index.js';
import type { DatabaseHost, SqlRow, SqlSession } from '../../mysql/index.js';
import { compare } from '../edgeRecord.js';
import { untouched } from '../nodeRegisters.js';
import { applyEdges } from './applyEdges.js';
import { insertUntouched, placesHere } from './edgeRows.js';
import { edgesTable, hasPeer, rowOf } from './edgesTable.js';
import type { EdgeTables } from './flockTables.js';
import { addCounts, lockNodes, type Counts } from './nodeRows.js';

const { read } = edgesTable;

/** Which of the graph's tables a shard belongs to is not in its rows, and only the follow-ups of normal writes need it. */
export const anyTable = 0;

/**
 * Merges rows of another shard into this one. Most rows of a copy meet nothing here: nobody has written them here, and no mass operation touched a node
 * at their ends. Those are inserted as they came; the others are taken apart and written as normal writes are.
 */
export async function copyEdges(
  host: DatabaseHost,
  tables: EdgeTables,
  rows: readonly SqlRow[],
  deadline: Deadline,
): Promise<void> {
  let attempts = 0;
  const met = await host.transaction(deadline, (session) =>
    insertWhatMeetsNothing(session, tables, rows, attempts++ === 0, deadline),
  );
  // What queries see of these is found anew from this shard's own nodes.
  if (met.length > 0)
    await applyEdges(
      host,
      tables,
      met.map((row) => rowOf(anyTable, row).record),
      deadline,
    );
}

/**
 * Returns the rows that met something, of which none was written.
 *
 * @param trustCounters rows of nodes whose counters say that they have no edges are not looked for. Where a counter is wrong, the duplicate key starts the transaction again.
 */
async function insertWhatMeetsNothing(
  session: SqlSession,
  tables: EdgeTables,
  rows: readonly SqlRow[],
  trustCounters: boolean,
  deadline: Deadline,
): Promise<SqlRow[]> {
  const bySource = groupBySource(rows);
  const nodes = await lockNodes(session, tables, [...bySource.keys()], deadline);
  const fresh: SqlRow[] = [];
  const met: SqlRow[] = [];
  const unsure: SqlRow[] = [];
  for (const [id, edges] of bySource) {
    const node = nodes.get(id);
    const isUntouched = node === undefined || node.registers === untouched;
    const isEmpty = node === undefined || (node.edgeCount === 0 && trustCounters);
    for (const edge of edges) (!isUntouched || hasPeer(edge) ? met : isEmpty ? fresh : unsure).push(edge);
  }
  const here = await placesHere(session, tables, unsure, deadline);
  for (const [place, edge] of unsure.entries()) (here.has(place) ? met : fresh).push(edge);
  const counts = new Map<bigint, Counts>();
  for (const [id, edges] of groupBySource(fresh)) {
    const delta: Counts = [0, 0, 0, 0];
    for (const edge of edges) delta[read.own_state(edge)]!++;
    counts.set(id, delta);
  }
  await addCounts(session, tables, counts, nodes, deadline);
  await insertUntouched(session, tables, fresh, deadline);
  return met;
}

/** Sources in the order of their ids. */
function groupBySource(rows: readonly SqlRow[]): Map<bigint, SqlRow[]> {
  const groups = groupBy(rows, edgesTable.all.cell.source_id);
  return new Map(
    [...groups].map(([id, group]) => [BigInt(id as number), group] as const).sort(([a], [b]) => compare(a, b)),
  );
}
