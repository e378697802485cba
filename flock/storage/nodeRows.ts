import type { Deadline } from '../../core/index.js';
import type { SqlSession } from '../../mysql/index.js';
import { compare } from '../edgeRecord.js';
import { oneUntouched, type NodeRegisters } from '../nodeRegisters.js';
import type { EdgeTables } from './edgeTables.js';
import { jsonRows } from './json.js';

/** Numbers of edges by rank of state: of a node, or what a transaction adds to them. */
export type Counts = [normal: number, negative: number, archived: number, removed: number];

/** A node whose row a transaction holds. */
export interface LockedNode {
  readonly registers: NodeRegisters;
  /** How many rows of edges it has, by its counters. */
  readonly edgeCount: number;
}

/**
 * The nodes, their rows locked in the order of the ids. Nodes without a row are absent, and have no edges.
 * Whoever writes edges of a node holds its row, so that nobody else changes them, or the node, at the same time.
 */
export async function lockNodes(
  session: SqlSession,
  tables: EdgeTables,
  ids: readonly bigint[],
  deadline: Deadline,
): Promise<Map<bigint, LockedNode>> {
  const rows = await session.rows(
    // Inside a derived table, as MySQL 8 refuses to lock a statement whose own table is a JSON_TABLE (error 3569).
    `SELECT k.i, n.colour, n.coloured_at, n.removed_through, n.normal_count + n.negative_count + n.archived_count + n.removed_count
     FROM (SELECT i, s FROM JSON_TABLE(?, '$[*]' COLUMNS (i FOR ORDINALITY, s BIGINT UNSIGNED PATH '$')) j) k
     STRAIGHT_JOIN ${tables.nodes} n ON n.source_id = k.s
     FOR UPDATE`,
    [`[${ids.join()}]`],
    deadline,
  );
  return new Map(
    rows.map(([i, color, coloredAt, removedThrough, edgeCount]) => [
      ids[Number(i) - 1]!,
      { registers: registersOf(color, coloredAt, removedThrough), edgeCount: Number(edgeCount) },
    ]),
  );
}

/** Registers as they come from a row. */
export const registersOf = (color: unknown, coloredAt: unknown, removedThrough: unknown): NodeRegisters =>
  oneUntouched({
    color: Number(color),
    coloredAt: BigInt(coloredAt as number),
    removedThrough: BigInt(removedThrough as number),
  });

/** The counters' columns, by rank of state. */
const countColumns = ['normal_count', 'negative_count', 'archived_count', 'removed_count'] as const;

/**
 * Adds to the counters of nodes: `locked` says which of them have a row, locked by this transaction. The others are inserted plainly, so that a race
 * with another process over the same new node shows as a duplicate key, and the transaction starts again.
 */
export async function addCounts(
  session: SqlSession,
  tables: EdgeTables,
  deltas: ReadonlyMap<bigint, Counts>,
  locked: ReadonlyMap<bigint, LockedNode>,
  deadline: Deadline,
): Promise<void> {
  const sorted = [...deltas].sort(([a], [b]) => compare(a, b));
  const fresh = sorted.filter(([id]) => !locked.has(id));
  const known = sorted.filter(([id, delta]) => locked.has(id) && delta.some((count) => count !== 0));
  if (fresh.length > 0) await insertCounts(session, tables, fresh, () => '', deadline);
  if (known.length > 0) {
    const add = (columns: readonly string[]): string =>
      `ON DUPLICATE KEY UPDATE ${columns.map((column) => `${column} = ${column} + VALUES(${column})`).join(', ')}`;
    await insertCounts(session, tables, known, add, deadline);
  }
}

/** Without the counters that none of the rows changes: mostly all but one. */
async function insertCounts(
  session: SqlSession,
  tables: EdgeTables,
  deltas: readonly [bigint, Counts][],
  onDuplicate: (columns: readonly string[]) => string,
  deadline: Deadline,
): Promise<void> {
  const ranks = countColumns.map((_, rank) => rank).filter((rank) => deltas.some(([, delta]) => delta[rank] !== 0));
  const columns = ranks.map((rank) => countColumns[rank]!);
  const paths = ranks.map((_, place) => `, c${place} BIGINT PATH '$[${place + 1}]'`).join('');
  await session.run(
    `INSERT INTO ${tables.nodes} (${['source_id', ...columns].join(', ')})
     SELECT ${['s', ...ranks.map((_, place) => `c${place}`)].join(', ')}
     FROM JSON_TABLE(?, '$[*]' COLUMNS (s BIGINT UNSIGNED PATH '$[0]'${paths})) r
     ${onDuplicate(columns)}`,
    [jsonRows(deltas, ([id, delta]) => [id, ...ranks.map((rank) => delta[rank])].join())],
    deadline,
  );
}

/** Writes one node's registers. The caller holds its row, or knows that there is none. */
export async function writeNode(
  session: SqlSession,
  tables: EdgeTables,
  id: bigint,
  node: NodeRegisters,
  exists: boolean,
  deadline: Deadline,
): Promise<void> {
  const values = [node.color, node.coloredAt, node.removedThrough, id];
  await session.run(
    exists
      ? `UPDATE ${tables.nodes} SET colour = ?, coloured_at = ?, removed_through = ? WHERE source_id = ?`
      : `INSERT INTO ${tables.nodes} (colour, coloured_at, removed_through, source_id) VALUES (?, ?, ?, ?)`,
    values,
    deadline,
  );
}
