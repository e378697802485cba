import type { Deadline } from '../../core/index.js';
import { inParts, type MovableTable, type ShardInfo } from '../../gizzard/index.js';
import { type DatabaseHost, type SqlRow, type SqlSession, idsBetween, tableById } from '../../mysql/index.js';
import { compare } from '../edgeRecord.js';
import { mergeNodes, sameRegisters, untouched, type NodeRegisters } from '../nodeRegisters.js';
import { applyNode, sweepPage } from './applyNode.js';
import { edgeTables, type EdgeTables } from './edgeTables.js';
import { jsonRows } from './json.js';
import { lockNodes, registersOf } from './nodeRows.js';
import { removeNodes } from './removeRows.js';

/** A node's row. Its counters follow from the edges of its shard, and are never copied. */
export interface MovedNode {
  readonly id: bigint;
  readonly registers: NodeRegisters;
  readonly counts: readonly string[];
}

const columns =
  'source_id, colour, coloured_at, removed_through, normal_count, negative_count, archived_count, removed_count';
const countNames = ['normal', 'negative', 'archived', 'removed'] as const;
const countsOfEdges = countNames.map((name, rank) => `COALESCE(SUM(e.state = ${rank}), 0) AS ${name}_rows`).join(', ');
const idsTable = `JSON_TABLE(?, '$[*]' COLUMNS (s BIGINT UNSIGNED PATH '$')) k`;

/** How the nodes of Flock's shards move. */
export const nodeMoves = (database: string): MovableTable<MovedNode, DatabaseHost> => {
  const tablesOf = (shard: ShardInfo): EdgeTables => edgeTables(database, shard);
  return {
    ...tableById(database, 'nodes', columns, nodeOf),
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
        `SELECT n.source_id FROM ${tables.nodes} n LEFT JOIN ${tables.edges} e ON e.source_id = n.source_id WHERE ${nodes.where} GROUP BY n.source_id
         HAVING ${countNames.map((name, rank) => `MAX(n.${name}_count) <> COALESCE(SUM(e.state = ${rank}), 0)`).join(' OR ')}`,
        nodes.values,
        deadline,
      );
      return rows.map(([id]) => String(id));
    },
    saved: {
      columns: columns.split(', '),
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
      coloured_at: String(registers.coloredAt),
      removed_through: String(registers.removedThrough),
      ...Object.fromEntries(countNames.map((name, rank) => [`${name}_count`, counts[rank]!])),
    }),
  };
};

const nodeOf = ([id, color, coloredAt, removedThrough, ...counts]: SqlRow): MovedNode => ({
  id: BigInt(id as number),
  registers: registersOf(color, coloredAt, removedThrough),
  counts: counts.map(String),
});

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
      `SELECT k.s FROM ${idsTable} WHERE EXISTS (SELECT 1 FROM ${tables.nodes} n WHERE n.source_id = k.s) OR EXISTS (SELECT 1 FROM ${tables.edges} e WHERE e.source_id = k.s)`,
      [idsOf(nodes)],
      deadline,
    );
    const here = new Set(found.map(([id]) => BigInt(id as number)));
    const fresh = nodes
      .filter(
        ({ id, registers, counts }) =>
          !here.has(id) && (registers !== untouched || counts.every((count) => count === '0')),
      )
      .sort((a, b) => compare(a.id, b.id));
    if (fresh.length > 0) {
      await session.run(
        `INSERT INTO ${tables.nodes} (source_id, colour, coloured_at, removed_through)
         SELECT s, c, a, r FROM JSON_TABLE(?, '$[*]' COLUMNS (s BIGINT UNSIGNED PATH '$[0]', c TINYINT UNSIGNED PATH '$[1]', a BIGINT PATH '$[2]', r BIGINT PATH '$[3]')) j`,
        [
          jsonRows(fresh, ({ id, registers }) =>
            [id, registers.color, registers.coloredAt, registers.removedThrough].join(),
          ),
        ],
        deadline,
      );
    }
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
    session.run(`INSERT IGNORE INTO ${tables.nodes} (source_id) SELECT s FROM ${idsTable}`, [idsOf(nodes)], deadline),
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
      `SELECT n.source_id, ${countsOfEdges}
       FROM ${idsTable} STRAIGHT_JOIN ${tables.nodes} n ON n.source_id = k.s LEFT JOIN ${tables.edges} e ON e.source_id = n.source_id
       GROUP BY n.source_id
       HAVING ${countNames.map((name) => `MAX(n.${name}_count) <> ${name}_rows`).join(' OR ')}`,
      [`[${ids.join()}]`],
      deadline,
    );
    for (const [id, ...counts] of rows) {
      await session.run(
        `UPDATE ${tables.nodes} SET ${countNames.map((name) => `${name}_count = ?`).join(', ')} WHERE source_id = ?`,
        [...counts.map((count) => BigInt(count as number)), BigInt(id as number)],
        deadline,
      );
    }
  });
}
