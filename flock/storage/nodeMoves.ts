import type { Deadline } from '../../core/index.js';
import { inParts, type MovableTable, type ShardInfo } from '../../gizzard/index.js';
import { type DatabaseHost, type SqlRow, type SqlSession, idsBetween, select } from '../../mysql/index.js';
import { compare } from '../edgeRecord.js';
import { mergeNodes, sameRegisters, untouched, type NodeRegisters } from '../nodeRegisters.js';
import { applyNode, sweepPage } from './applyNode.js';
import type { EdgeTables, FlockTables } from './flockTables.js';
import { insertMissingNodes, insertNodes, lockNodes, rowCounts, writeCounts } from './nodeRows.js';
import { countColumns, idsTable, n, nodesTable, registersOf } from './nodesTable.js';
import { removeNodes } from './removeRows.js';

/** A node's row. Its counters follow from the edges of its shard, and are never copied. */
export interface MovedNode {
  readonly id: bigint;
  readonly registers: NodeRegisters;
  readonly counts: readonly string[];
}

/** How the nodes of Flock's shards move. */
export const nodeMoves = (flock: FlockTables): MovableTable<MovedNode, DatabaseHost> => {
  const tablesOf = (shard: ShardInfo): EdgeTables => flock.at(shard);
  return {
    ...flock.nodes.pages(nodeOf),
    key: (row) => String(row.id),
    routingKey: (row) => row.id,
    same: (a, b) =>
      sameRegisters(a.registers, b.registers) && a.counts.every((count, rank) => count === b.counts[rank]),
    lacks: (row, other) => mergeNodes(row.registers, other.registers) !== row.registers,
    async write(host, shard, rows, deadline) {
      const tables = tablesOf(shard);
      await inParts(rows, async (part) => {
        const met = await insertWhatMeetsNothing(host, tables, part, deadline);
        if (met.length > 0) await mergeNodesHere(host, tables, met, deadline);
      });
    },
    remove: (host, shard, rows, deadline) => removeNodes(host, tablesOf(shard), rows, deadline),
    async contradictions(host, shard, after, end, deadline) {
      const tables = tablesOf(shard);
      const nodes = idsBetween('n.source_id', after, end);
      const rows = await host.rows(
        `SELECT ${idOnly.list} FROM ${tables.nodes} n LEFT JOIN ${tables.edges} e ON e.source_id = n.source_id WHERE ${nodes.where} GROUP BY n.source_id
         HAVING ${countersDiffer}`,
        nodes.values,
        deadline,
      );
      return rows.map((row) => String(idOnly.read.id(row)));
    },
    saved: {
      columns: nodesTable.names.map((name) => nodesTable.stored[name]),
      cells: ({ id, registers: { color, coloredAt, removedThrough }, counts }) => [
        String(id),
        color,
        String(coloredAt),
        String(removedThrough),
        ...counts,
      ],
      row: nodeOf,
    },
    describe: ({ id, registers, counts }) => ({
      id: String(id),
      color: String(registers.color),
      colored_at: String(registers.coloredAt),
      removed_through: String(registers.removedThrough),
      ...Object.fromEntries(countColumns.map((column, rank) => [column, counts[rank]!])),
    }),
  };
};

const nodeOf = (row: SqlRow): MovedNode => ({
  id: nodesTable.read.source_id(row),
  registers: registersOf(nodesTable.read, row),
  counts: countColumns.map((column) => String(nodesTable.all.cell[column](row))),
});

const idOnly = select({ id: n.source_id });
const keyOnly = select({ id: nodesTable.columns('k').source_id });
const countersDiffer = countColumns.map((column) => `MAX(${n[column].sql}) <> ${rowCounts[column].sql}`).join(' OR ');
const counted = select({ id: n.source_id, ...rowCounts });

/**
 * Takes over the nodes that this shard knows neither by a row nor by an edge, as in a copy most are, and returns the others. One that no mass operation has touched
 * is left to its edges, which bring a row, and its counters, with them.
 */
function insertWhatMeetsNothing(
  host: DatabaseHost,
  tables: EdgeTables,
  nodes: readonly MovedNode[],
  deadline: Deadline,
): Promise<MovedNode[]> {
  return host.transaction(deadline, async (session) => {
    const found = await session.rows(
      `SELECT ${keyOnly.list} FROM ${idsTable} WHERE EXISTS (SELECT 1 FROM ${tables.nodes} n WHERE n.source_id = k.source_id) OR EXISTS (SELECT 1 FROM ${tables.edges} e WHERE e.source_id = k.source_id)`,
      [idsOf(nodes)],
      deadline,
    );
    const here = new Set(found.map(keyOnly.read.id));
    const fresh = nodes
      .filter(
        ({ id, registers, counts }) =>
          !here.has(id) && (registers !== untouched || counts.every((count) => count === '0')),
      )
      .sort((a, b) => compare(a.id, b.id));
    await insertNodes(session, tables, fresh, deadline);
    return nodes.filter(({ id }) => here.has(id));
  });
}

async function mergeNodesHere(
  host: DatabaseHost,
  tables: EdgeTables,
  nodes: readonly MovedNode[],
  deadline: Deadline,
): Promise<void> {
  await host.transaction(deadline, (session) =>
    insertMissingNodes(session, tables, nodes.map(({ id }) => id).sort(compare), deadline),
  );
  for (const { id, registers } of nodes)
    if (registers !== untouched) await bringUpToDate(host, tables, id, registers, deadline);
  await recount(host, tables, nodes.map(({ id }) => id).sort(compare), deadline);
}

const idsOf = (nodes: readonly MovedNode[]): string =>
  `[${nodes
    .map(({ id }) => id)
    .sort(compare)
    .join()}]`;

/** Merges a node's registers and lets its edges follow. The other ends of these need no word: they hear it from the replica that knew it first. */
async function bringUpToDate(
  host: DatabaseHost,
  tables: EdgeTables,
  id: bigint,
  registers: NodeRegisters,
  deadline: Deadline,
): Promise<void> {
  await applyNode(host, tables, id, registers, deadline);
  let after: bigint | undefined;
  do {
    // Which of the graph's tables the shard belongs to matters only for the other ends.
    after = (await sweepPage(host, tables, 0, id, after, deadline)).next;
  } while (after !== undefined);
}

/** Sets the counters to what the edges say. Whoever writes edges of a node holds its row, so that nothing changes in between. */
function recount(host: DatabaseHost, tables: EdgeTables, ids: readonly bigint[], deadline: Deadline): Promise<void> {
  return host.transaction(deadline, async (session: SqlSession) => {
    await lockNodes(session, tables, ids, deadline);
    const rows = await session.rows(
      `SELECT ${counted.list}
       FROM ${idsTable} STRAIGHT_JOIN ${tables.nodes} n ON n.source_id = k.source_id LEFT JOIN ${tables.edges} e ON e.source_id = n.source_id
       GROUP BY n.source_id HAVING ${countersDiffer}`,
      [`[${ids.join()}]`],
      deadline,
    );
    for (const row of rows)
      await writeCounts(
        session,
        tables,
        counted.read.id(row),
        countColumns.map((column) => counted.read[column](row)),
        deadline,
      );
  });
}
