import { inTurns, type Deadline } from '../../core/index.js';
import { columnTypes, expression, select, type SqlRow, type SqlSession } from '../../mysql/index.js';
import type { Edge } from '../../wire/index.js';
import { compare } from '../edgeRecord.js';
import { compactIdOfColumn, type CompactId } from '../query/compactId.js';
import type { NodeRegisters } from '../nodeRegisters.js';
import { stateOfRank } from '../states.js';
import { e, edgeColumns, edgesTable, endsTable, keyPlace, onEnds } from './edgesTable.js';
import type { EdgeTables } from './flockTables.js';
import { jsonRows } from './json.js';
import { countColumns, idsTable, n, registersOf } from './nodesTable.js';

export type IdPair = readonly [sourceId: bigint, destinationId: bigint];

/** An entry of a list, with what orders it. */
export interface EntryRow {
  readonly id: bigint;
  readonly position: bigint;
  /** The rank of the state that queries see. */
  readonly state: number;
}

/** An entry with all that an edge has. */
export interface EdgeEntry extends EntryRow {
  readonly updatedAt: bigint;
}

const states = select({ place: keyPlace, state: e.state });

/** The rank of each pair's state, by its place in `pairs`. Pairs that never had an edge are absent. */
export async function readStates(
  session: SqlSession,
  tables: EdgeTables,
  pairs: readonly IdPair[],
  deadline: Deadline,
): Promise<Map<number, number>> {
  const rows = await session.rows(
    `SELECT ${states.list} FROM ${endsTable} STRAIGHT_JOIN ${tables.edges} e ON ${onEnds}`,
    [pairsJson(pairs)],
    deadline,
  );
  return new Map(rows.map((row) => [states.read.place(row), states.read.state(row)]));
}

const whole = select({
  sourceId: e.source_id,
  destinationId: e.destination_id,
  position: e.position,
  updatedAt: e.updated_at,
  state: e.state,
  place: keyPlace,
});

/** Each pair's edge, by its place in `pairs`. */
export async function readEdges(
  session: SqlSession,
  tables: EdgeTables,
  pairs: readonly IdPair[],
  deadline: Deadline,
): Promise<Map<number, Edge>> {
  const rows = await session.rows(
    `SELECT ${whole.list} FROM ${endsTable} STRAIGHT_JOIN ${tables.edges} e ON ${onEnds}`,
    [pairsJson(pairs)],
    deadline,
  );
  return new Map(rows.map((row) => [whole.read.place(row), edgeOf(row)]));
}

/** A node's row. */
export interface NodeRow {
  readonly registers: NodeRegisters;
  /** By rank of state. */
  readonly counts: readonly bigint[];
}

const placedNode = select({ ...n, place: keyPlace });

/** The rows of nodes, by their place in `ids`. Nodes that nothing was written of are absent. */
export async function readNodes(
  session: SqlSession,
  tables: EdgeTables,
  ids: readonly bigint[],
  deadline: Deadline,
): Promise<Map<number, NodeRow>> {
  const rows = await session.rows(
    `SELECT ${placedNode.list} FROM ${idsTable} STRAIGHT_JOIN ${tables.nodes} n ON n.source_id = k.source_id`,
    [`[${ids.join()}]`],
    deadline,
  );
  const { read } = placedNode;
  return new Map(
    rows.map((row) => [
      read.place(row),
      { registers: registersOf(read, row), counts: countColumns.map((column) => read[column](row)) },
    ]),
  );
}

const entryColumns = {
  id: edgeColumns.destination_id,
  position: edgeColumns.position,
  state: edgeColumns.state,
  updatedAt: edgeColumns.updated_at,
};
const entry = select(entryColumns);
const positions = select({ id: e.destination_id, position: e.position, state: e.state });
const destinationsTable = `${edgesTable.keys(['destination_id'])} k`;

export interface PositionBound {
  readonly position: bigint;
  /** Absent: the whole position lies on the far side. */
  readonly id: bigint | undefined;
}

/** Which edges of a node a list holds. */
export interface EdgeList {
  readonly sourceId: bigint;
  /** Bounds of the positions, both inclusive. */
  readonly minPosition?: bigint;
  readonly maxPosition?: bigint;
}

/**
 * Entries of a list in some states beyond a bound, nearest to it first: `older` by falling position and id, otherwise by rising ones.
 * `inclusive` takes the bound's own entry too, which looks for what lies on the near side.
 */
export async function readByPosition(
  session: SqlSession,
  tables: EdgeTables,
  list: EdgeList,
  states: readonly number[],
  bound: PositionBound | undefined,
  direction: { readonly older: boolean; readonly inclusive: boolean },
  limit: number,
  deadline: Deadline,
): Promise<EdgeEntry[]> {
  const range = rangeCondition(list);
  const { where, values } = positionCondition(bound, direction);
  const order = direction.older ? 'DESC' : 'ASC';
  // One range of the primary key for each state: each comes in order, and no more than the page is read of any.
  const branch = `(SELECT ${entry.list} FROM ${tables.edges} WHERE source_id = ? AND state = ?${range.where}${where} ORDER BY position ${order}, destination_id ${order} LIMIT ?)`;
  const rows = await session.rows(
    Array.from(states, () => branch).join(' UNION ALL '),
    states.flatMap((state) => [list.sourceId, state, ...range.values, ...values, limit]),
    deadline,
  );
  const entries = rows.map(edgeRowOf);
  if (states.length > 1) mergeByPosition(entries, direction.older, limit);
  return entries;
}

/** The first entries of a node's list, greatest position first. */
export interface ListHead {
  readonly sourceId: bigint;
  readonly states: readonly number[];
  readonly limit: number;
  /** The greatest position that counts, inclusive. Absent: any. */
  readonly maxPosition?: bigint | undefined;
}

/** Ranges of the primary key that one statement reads. Eight cost a third of what they cost one by one, and more hardly less. */
export const rangesPerStatement = 16;
/** Rows of several ranges that one statement reads: they are made entries in one turn of the event loop. */
const rowsTogether = 20_000;

/** The entries of each head, by its place. A head without any is absent. */
export async function readHeads(
  session: SqlSession,
  tables: EdgeTables,
  heads: readonly ListHead[],
  deadline: Deadline,
): Promise<Map<number, EdgeEntry[]>> {
  const ranges = heads.flatMap(({ sourceId, states, limit, maxPosition = greatestPosition }, place) =>
    states.map((state) => ({ place, limit, values: [sourceId, state, maxPosition, limit] })),
  );
  const found = new Map<number, EdgeEntry[]>();
  let part: typeof ranges;
  for (let start = 0; start < ranges.length; start += part.length) {
    part = ranges.slice(start, start + rangesTogether(ranges, start));
    // Few different statements, so that they stay prepared: those of 1, 2, 4, … ranges, of which the last may be empty ones.
    const width = 2 ** Math.ceil(Math.log2(part.length));
    const values = part.flatMap((range) => range.values);
    while (values.length < width * valuesPerRange) values.push(0);
    for (const row of await session.rows(headsSql(tables, width), values, deadline)) {
      const { place } = part[range(row)]!;
      const entries = found.get(place);
      if (entries === undefined) found.set(place, [edgeRowOf(row)]);
      else entries.push(edgeRowOf(row));
    }
  }
  // No database promises the order in which a union's rows come.
  await inTurns(found, ([place, entries]) => mergeByPosition(entries, true, heads[place]!.limit));
  return found;
}

/** How many ranges from one on one statement reads: as many as it may, or fewer where they are long. */
function rangesTogether(ranges: readonly { readonly limit: number }[], start: number): number {
  let count = 1;
  for (
    let rows = ranges[start]!.limit;
    count < rangesPerStatement &&
    start + count < ranges.length &&
    (rows += ranges[start + count]!.limit) <= rowsTogether;
  )
    count++;
  return count;
}

const greatestPosition = 2n ** 63n - 1n;
const valuesPerRange = 4;

/** An entry, and which of a statement's ranges it comes from. */
const entryOfRange = (range: number) =>
  select({ ...entryColumns, range: expression(String(range), columnTypes.uint32) });
const { range } = entryOfRange(0).read;

const headsSql = ({ edges }: EdgeTables, width: number): string =>
  Array.from(
    { length: width },
    (_, i) =>
      `(SELECT ${entryOfRange(i).list} FROM ${edges} WHERE source_id = ? AND state = ? AND position <= ? ORDER BY position DESC, destination_id DESC LIMIT ?)`,
  ).join(' UNION ALL ');

/** Sorts the entries of several states, each of which came in order and as long as the whole may be, and cuts off what is too much. */
function mergeByPosition(entries: EntryRow[], older: boolean, limit: number): void {
  const sign = older ? -1 : 1;
  entries.sort((a, b) => sign * (compare(a.position, b.position) || compare(a.id, b.id)));
  entries.length = Math.min(entries.length, limit);
}

function rangeCondition({ minPosition, maxPosition }: EdgeList): { where: string; values: bigint[] } {
  const parts = [
    { sql: ' AND position >= ?', value: minPosition },
    { sql: ' AND position <= ?', value: maxPosition },
  ].filter((part): part is { sql: string; value: bigint } => part.value !== undefined);
  return { where: parts.map(({ sql }) => sql).join(''), values: parts.map(({ value }) => value) };
}

function positionCondition(
  bound: PositionBound | undefined,
  { older, inclusive }: { readonly older: boolean; readonly inclusive: boolean },
): { where: string; values: bigint[] } {
  if (bound === undefined) return { where: '', values: [] };
  const beyond = older ? '<' : '>';
  const { position, id } = bound;
  if (id === undefined) return { where: ` AND position ${beyond}${inclusive ? '=' : ''} ?`, values: [position] };
  // The first half gives the range of the index, the second cuts its edge.
  return {
    where: ` AND position ${beyond}= ? AND (position ${beyond} ? OR destination_id ${beyond}${inclusive ? '=' : ''} ?)`,
    values: [position, position, id],
  };
}

/** State and position of those of some ids that the node has edges to. */
export async function readPositions(
  session: SqlSession,
  tables: EdgeTables,
  sourceId: bigint,
  ids: readonly CompactId[],
  deadline: Deadline,
): Promise<EntryRow[]> {
  const rows = await session.rows(
    `SELECT ${positions.list} FROM ${destinationsTable} STRAIGHT_JOIN ${tables.edges} e ON e.source_id = ? AND e.destination_id = k.destination_id`,
    [`[${ids.join()}]`, sourceId],
    deadline,
  );
  return rows.map(entryOf);
}

const entryOf = (row: SqlRow): EntryRow => ({
  id: positions.read.id(row),
  position: positions.read.position(row),
  state: positions.read.state(row),
});

const edgeRowOf = (row: SqlRow): EdgeEntry => ({
  id: entry.read.id(row),
  position: entry.read.position(row),
  state: entry.read.state(row),
  updatedAt: entry.read.updatedAt(row),
});

const compactDestination = select({
  id: { sql: edgeColumns.destination_id.sql, read: compactIdOfColumn },
});

/** Ids of a list in some states, in the order of the ids: falling below `beyond`, or rising above it. Answered from the index alone. */
export async function readById(
  session: SqlSession,
  tables: EdgeTables,
  list: EdgeList,
  states: readonly number[],
  beyond: CompactId | undefined,
  rising: boolean,
  limit: number,
  deadline: Deadline,
): Promise<CompactId[]> {
  const range = rangeCondition(list);
  const bound = beyond === undefined ? '' : ` AND destination_id ${rising ? '>' : '<'} ?`;
  const rows = await session.rows(
    `SELECT ${compactDestination.list} FROM ${tables.edges} FORCE INDEX (membership)
     WHERE source_id = ?${bound} AND state IN (${states.map(() => '?').join()})${range.where} ORDER BY destination_id ${rising ? 'ASC' : 'DESC'} LIMIT ?`,
    [list.sourceId, ...(beyond === undefined ? [] : [beyond]), ...states, ...range.values, limit],
    deadline,
  );
  return rows.map(compactDestination.read.id);
}

export const edgeOfRow = (sourceId: bigint, { id, position, updatedAt, state }: EdgeEntry): Edge => ({
  sourceId,
  destinationId: id,
  position,
  updatedAt,
  state: stateOfRank(state),
});

const edgeOf = (row: SqlRow): Edge => ({
  sourceId: whole.read.sourceId(row),
  destinationId: whole.read.destinationId(row),
  position: whole.read.position(row),
  updatedAt: whole.read.updatedAt(row),
  state: stateOfRank(whole.read.state(row)),
});

const pairsJson = (pairs: readonly IdPair[]): string =>
  jsonRows(pairs, ([sourceId, destinationId]) => `${sourceId},${destinationId}`);
