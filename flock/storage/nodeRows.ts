import type { Deadline } from '../../core/index.js';
import { columnTypes, expression, select, type SelectedColumn, type SqlSession } from '../../mysql/index.js';
import { compare } from '../edgeRecord.js';
import type { NodeRegisters } from '../nodeRegisters.js';
import type { EdgeTables } from './flockTables.js';
import { keyPlace } from './edgesTable.js';
import { countColumns, n, nodesTable, registersOf, type CountColumn } from './nodesTable.js';

/** Numbers of edges by rank of state: of a node, or what a transaction adds to them. */
export type Counts = [normal: number, negative: number, archived: number, removed: number];

/** A node whose row a transaction holds. */
export interface LockedNode {
  readonly registers: NodeRegisters;
  /** How many rows of edges it has, by its counters. */
  readonly edgeCount: number;
}

const locked = select({
  place: keyPlace,
  color: n.color,
  colored_at: n.colored_at,
  removed_through: n.removed_through,
  edgeCount: expression(countColumns.map((column) => n[column].sql).join(' + '), columnTypes.safeInteger),
});

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
    `SELECT ${locked.list}
     FROM (SELECT i, source_id FROM ${nodesTable.keys(['source_id'])} j) k STRAIGHT_JOIN ${tables.nodes} n ON n.source_id = k.source_id FOR UPDATE`,
    [`[${ids.join()}]`],
    deadline,
  );
  const { read } = locked;
  return new Map(
    rows.map((row) => [ids[read.place(row)]!, { registers: registersOf(read, row), edgeCount: read.edgeCount(row) }]),
  );
}

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
  if (fresh.length > 0) await insertCounts(session, tables, fresh, false, deadline);
  if (known.length > 0) await insertCounts(session, tables, known, true, deadline);
}

type Delta = readonly [id: bigint, counts: Counts];

/** Without the counters that none of the rows changes: mostly all but one. */
async function insertCounts(
  session: SqlSession,
  tables: EdgeTables,
  deltas: readonly Delta[],
  exist: boolean,
  deadline: Deadline,
): Promise<void> {
  const ranks = countColumns.map((_, rank) => rank).filter((rank) => deltas.some(([, delta]) => delta[rank] !== 0));
  const { form, add } = countsOf(ranks);
  await session.run(form.sql(tables.nodes, exist ? add : ''), [form.json(deltas)], deadline);
}

/** By the ranks that change: sixteen at most. */
const countForms = new Map<string, ReturnType<typeof makeCounts>>();

function countsOf(ranks: readonly number[]): ReturnType<typeof makeCounts> {
  const key = ranks.join();
  let made = countForms.get(key);
  if (made === undefined) countForms.set(key, (made = makeCounts(ranks)));
  return made;
}

function makeCounts(ranks: readonly number[]) {
  const counters = Object.fromEntries(ranks.map((rank) => [countColumns[rank]!, ([, counts]: Delta) => counts[rank]!]));
  return {
    form: nodesTable.bulkInsert<Delta>({ source_id: ([id]) => id, ...counters }),
    add: nodesTable.add(ranks.map((rank) => countColumns[rank]!)),
  };
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
  const { color, colored_at: coloredAt, removed_through: removedThrough, source_id: sourceId } = nodesTable.stored;
  const values = [node.color, node.coloredAt, node.removedThrough, id];
  await session.run(
    exists
      ? `UPDATE ${tables.nodes} SET ${color} = ?, ${coloredAt} = ?, ${removedThrough} = ? WHERE ${sourceId} = ?`
      : `INSERT INTO ${tables.nodes} (${color}, ${coloredAt}, ${removedThrough}, ${sourceId}) VALUES (?, ?, ?, ?)`,
    values,
    deadline,
  );
}

const registersForm = nodesTable.bulkInsert<{ readonly id: bigint; readonly registers: NodeRegisters }>({
  source_id: ({ id }) => id,
  color: ({ registers }) => registers.color,
  colored_at: ({ registers }) => registers.coloredAt,
  removed_through: ({ registers }) => registers.removedThrough,
});

/** Inserts nodes plainly, without edges. */
export async function insertNodes(
  session: SqlSession,
  tables: EdgeTables,
  nodes: readonly { readonly id: bigint; readonly registers: NodeRegisters }[],
  deadline: Deadline,
): Promise<void> {
  if (nodes.length > 0) await session.run(registersForm.sql(tables.nodes), [registersForm.json(nodes)], deadline);
}

/** Inserts the nodes of some ids that have no row. */
export async function insertMissingNodes(
  session: SqlSession,
  tables: EdgeTables,
  ids: readonly bigint[],
  deadline: Deadline,
): Promise<void> {
  await session.run(
    `INSERT IGNORE INTO ${tables.nodes} (source_id) SELECT source_id FROM ${nodesTable.keys(['source_id'])} k`,
    [`[${ids.join()}]`],
    deadline,
  );
}

/** By rank of state, how many edges a node has, and how many its counters say. */
export interface NodeCounts {
  readonly counters: readonly bigint[];
  readonly rows: readonly bigint[];
}

/** How many rows of `e` there are of each state, by the column of its counter. */
export const rowCounts = Object.fromEntries(
  countColumns.map((column, rank) => [column, expression(`COALESCE(SUM(e.state = ${rank}), 0)`, columnTypes.int64)]),
) as Readonly<Record<CountColumn, SelectedColumn<bigint>>>;

/** Sets the counters of a node that has a row. */
export async function writeCounts(
  session: SqlSession,
  tables: EdgeTables,
  id: bigint,
  counts: readonly (number | bigint)[],
  deadline: Deadline,
): Promise<void> {
  await session.run(
    `UPDATE ${tables.nodes} SET ${countColumns.map((column) => `${column} = ?`).join(', ')} WHERE source_id = ?`,
    [...counts, id],
    deadline,
  );
}
