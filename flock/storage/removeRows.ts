import type { Deadline } from '../../core/index.js';
import type { DatabaseHost, SqlRow } from '../../mysql/index.js';
import { compare } from '../edgeRecord.js';
import { sameRegisters, type NodeRegisters } from '../nodeRegisters.js';
import { column, edgesAt } from './edgeRows.js';
import type { EdgeTables } from './edgeTables.js';
import { addCounts, lockNodes, type Counts } from './nodeRows.js';

/** Deletes edges that are still as given, and counts them off. Nodes stay. Returns how many it deleted. */
export function removeEdges(
  host: DatabaseHost,
  tables: EdgeTables,
  rows: readonly SqlRow[],
  deadline: Deadline,
): Promise<number> {
  const given = new Map(rows.map((row) => [edgeKey(row), row]));
  const sources = [...new Set(rows.map((row) => BigInt(row[column.source] as number)))].sort(compare);
  return host.transaction(deadline, async (session) => {
    const nodes = await lockNodes(session, tables, sources, deadline);
    const now = await edgesAt(session, tables, [...given.keys()], deadline);
    const unchanged = now.filter((row) => row.every((value, place) => value === given.get(edgeKey(row))![place]));
    const counts = new Map<bigint, Counts>();
    for (const row of unchanged) {
      const source = BigInt(row[column.source] as number);
      await session.run(
        `DELETE FROM ${tables.edges} WHERE source_id = ? AND destination_id = ?`,
        [source, BigInt(row[column.destination] as number)],
        deadline,
      );
      const delta = counts.get(source) ?? [0, 0, 0, 0];
      delta[Number(row[column.state])]!--;
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

/** Deletes nodes that are still as given and have no edges here. Returns how many it deleted. */
export function removeNodes(
  host: DatabaseHost,
  tables: EdgeTables,
  rows: readonly GivenNode[],
  deadline: Deadline,
): Promise<number> {
  const empty = rows.filter(({ counts }) => counts.every((count) => count === '0')).sort((a, b) => compare(a.id, b.id));
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
      `SELECT k.s FROM JSON_TABLE(?, '$[*]' COLUMNS (s BIGINT UNSIGNED PATH '$')) k WHERE EXISTS (SELECT 1 FROM ${tables.edges} e WHERE e.source_id = k.s)`,
      [`[${empty.map(({ id }) => id).join()}]`],
      deadline,
    );
    const used = new Set(withEdges.map(([id]) => BigInt(id as number)));
    let removed = 0;
    for (const { id, registers } of empty) {
      const node = nodes.get(id);
      if (node === undefined || node.edgeCount !== 0 || used.has(id) || !sameRegisters(node.registers, registers))
        continue;
      await session.run(`DELETE FROM ${tables.nodes} WHERE source_id = ?`, [id], deadline);
      removed++;
    }
    return removed;
  });
}

const edgeKey = (row: SqlRow): string => `${row[column.source] as number},${row[column.destination] as number}`;
