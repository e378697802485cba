import { isId, type Deadline } from '../../core/index.js';
import type { DatabaseHost, SqlRow } from '../../mysql/index.js';
import { compare } from '../edgeRecord.js';
import { sameRegisters, type NodeRegisters } from '../nodeRegisters.js';
import { select } from '../../mysql/index.js';
import { edgeKey, edgesAt } from './edgeRows.js';
import { edgesTable } from './edgesTable.js';
import type { EdgeTables } from './flockTables.js';
import { addCounts, lockNodes, type Counts } from './nodeRows.js';
import { idsTable, nodesTable } from './nodesTable.js';

const { read } = edgesTable;
const keyOnly = select({ id: nodesTable.columns('k').source_id });

/** Deletes edges that are still as given, and counts them off. Nodes stay. Returns how many it deleted. */
export function removeEdges(
  host: DatabaseHost,
  tables: EdgeTables,
  rows: readonly SqlRow[],
  deadline: Deadline,
): Promise<number> {
  const given = new Map(rows.map((row) => [edgeKey(row), row]));
  const sources = [...new Set(rows.map(read.source_id))].sort(compare);
  return host.transaction(deadline, async (session) => {
    const nodes = await lockNodes(session, tables, sources, deadline);
    const now = await edgesAt(session, tables, [...given.keys()], deadline);
    const unchanged = now.filter((row) => row.every((value, place) => value === given.get(edgeKey(row))![place]));
    const counts = new Map<bigint, Counts>();
    for (const row of unchanged) {
      const source = read.source_id(row);
      await session.run(
        `DELETE FROM ${tables.edges} WHERE source_id = ? AND destination_id = ?`,
        [source, read.destination_id(row)],
        deadline,
      );
      const delta = counts.get(source) ?? [0, 0, 0, 0];
      delta[read.state(row)]!--;
      counts.set(source, delta);
    }
    await addCounts(session, tables, counts, nodes, deadline);
    return unchanged.length;
  });
}

interface GivenNode {
  readonly id: bigint;
  readonly registers: NodeRegisters;
  readonly counts: readonly string[];
}

/**
 * Deletes nodes that are still as given and have no edges here. Returns how many it deleted. The counters of a node
 * whose id is none do not count.
 */
export function removeNodes(
  host: DatabaseHost,
  tables: EdgeTables,
  rows: readonly GivenNode[],
  deadline: Deadline,
): Promise<number> {
  const empty = rows
    .filter(({ id, counts }) => !isId(id) || counts.every((count) => count === '0'))
    .sort((a, b) => compare(a.id, b.id));
  if (empty.length === 0) return Promise.resolve(0);
  return host.transaction(deadline, async (session) => {
    const nodes = await lockNodes(
      session,
      tables,
      empty.map(({ id }) => id),
      deadline,
    );
    // By the rows: a counter may be wrong.
    const withEdges = await session.rows(
      `SELECT ${keyOnly.list} FROM ${idsTable} WHERE EXISTS (SELECT 1 FROM ${tables.edges} e WHERE e.source_id = k.source_id)`,
      [`[${empty.map(({ id }) => id).join()}]`],
      deadline,
    );
    const used = new Set(withEdges.map(keyOnly.read.id));
    let removed = 0;
    for (const { id, registers } of empty) {
      const node = nodes.get(id);
      if (
        node === undefined ||
        (isId(id) && node.edgeCount !== 0) ||
        used.has(id) ||
        !sameRegisters(node.registers, registers)
      )
        continue;
      await session.run(`DELETE FROM ${tables.nodes} WHERE source_id = ?`, [id], deadline);
      removed++;
    }
    return removed;
  });
}
