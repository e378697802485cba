import type { Deadline } from '../../core/index.js';
import { select, type BulkInsert, type SqlRow, type SqlSession } from '../../mysql/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { untouched } from '../nodeRegisters.js';
import { edgesTable, endsTable, keyPlace, onEnds, placedEdge, rowOf, type EdgeRow } from './edgesTable.js';
import type { EdgeTables } from './flockTables.js';
import { jsonRows } from './json.js';

/** The rows that exist of those keys, by their place in `keys`. */
export async function readRows(
  session: SqlSession,
  tables: EdgeTables,
  keys: readonly Pick<EdgeRecord, 'tableId' | 'sourceId' | 'destinationId'>[],
  deadline: Deadline,
): Promise<Map<number, EdgeRow>> {
  const rows = await session.rows(
    `SELECT ${placedEdge.list} FROM ${endsTable} STRAIGHT_JOIN ${tables.edges} e ON ${onEnds}`,
    [jsonRows(keys, (key) => `${key.sourceId},${key.destinationId}`)],
    deadline,
  );
  return new Map(
    rows.map((row) => {
      const place = placedEdge.read.place(row);
      return [place, rowOf(keys[place]!.tableId, row)];
    }),
  );
}

/** The rows that exist of keys such as `source,destination`, not taken apart. */
export const edgesAt = (
  session: SqlSession,
  { edges }: EdgeTables,
  keys: readonly string[],
  deadline: Deadline,
): Promise<SqlRow[]> =>
  session.rows(
    `SELECT ${select(edgesTable.columns('e')).list} FROM ${endsTable} STRAIGHT_JOIN ${edges} e ON ${onEnds}`,
    [jsonRows(keys, (key) => key)],
    deadline,
  );

const placeOnly = select({ place: keyPlace });

/** The places in `rows` of those that exist here. */
export async function placesHere(
  session: SqlSession,
  tables: EdgeTables,
  rows: readonly SqlRow[],
  deadline: Deadline,
): Promise<Set<number>> {
  if (rows.length === 0) return new Set();
  const found = await session.rows(
    `SELECT ${placeOnly.list} FROM ${endsTable} STRAIGHT_JOIN ${tables.edges} e ON ${onEnds}`,
    [jsonRows(rows, edgeKey)],
    deadline,
  );
  return new Set(found.map(placeOnly.read.place));
}

const { cell } = edgesTable.all;

/** The key of a row that is not taken apart: `source,destination`. */
export const edgeKey = (row: SqlRow): string =>
  `${cell.source_id(row) as number},${cell.destination_id(row) as number}`;

/** Inserts rows plainly: a row that exists after all is a `Conflict`. */
export const insertRows = (
  session: SqlSession,
  tables: EdgeTables,
  rows: readonly EdgeRow[],
  deadline: Deadline,
): Promise<void> => writeRows(session, tables, rows, '', deadline);

const overwritten = edgesTable.replace(
  edgesTable.names.filter((name) => name !== 'source_id' && name !== 'destination_id'),
);

/** Writes rows that exist; one whose state or position changed moves to its new place. */
export const replaceRows = (
  session: SqlSession,
  tables: EdgeTables,
  rows: readonly EdgeRow[],
  deadline: Deadline,
): Promise<void> => writeRows(session, tables, rows, overwritten, deadline);

const writeRows = (
  session: SqlSession,
  tables: EdgeTables,
  rows: readonly EdgeRow[],
  onDuplicate: string,
  deadline: Deadline,
): Promise<void> => insert(session, tables, rows.every(isPlain) ? plain : whole, rows, onDuplicate, deadline);

/**
 * Inserts rows plainly as another shard has them, without taking them apart. Nothing may have happened to the nodes at their ends, so that what queries see
 * is the edge's own state.
 */
export function insertUntouched(
  session: SqlSession,
  tables: EdgeTables,
  rows: readonly SqlRow[],
  deadline: Deadline,
): Promise<void> {
  const arePlain = rows.every(
    (row) => cell.position(row) === cell.updated_at(row) && cell.positioned_at(row) === cell.updated_at(row),
  );
  return insert(session, tables, arePlain ? untouchedPlain : untouchedWhole, rows, '', deadline);
}

async function insert<Row>(
  session: SqlSession,
  tables: EdgeTables,
  form: BulkInsert<Row>,
  rows: readonly Row[],
  onDuplicate: string,
  deadline: Deadline,
): Promise<void> {
  if (rows.length > 0) await session.run(form.sql(tables.edges, onDuplicate), [form.json(rows)], deadline);
}

/** An edge that was added once, at the time that is its position, between nodes that nothing happened to. Most are. */
const isPlain = ({ record, visible }: EdgeRow): boolean =>
  record.peer === untouched &&
  record.position === record.updatedAt &&
  record.positionedAt === record.updatedAt &&
  record.ownState === visible;

const noPeer = { peer_color: null, peer_colored_at: null, peer_removed_through: null };

const plain = edgesTable.bulkInsert<EdgeRow>({
  source_id: ({ record }) => record.sourceId,
  destination_id: ({ record }) => record.destinationId,
  state: ({ visible }) => visible,
  own_state: { sameAs: 'state' },
  updated_at: ({ record }) => record.updatedAt,
  position: { sameAs: 'updated_at' },
  positioned_at: { sameAs: 'updated_at' },
  ...noPeer,
});

const whole = edgesTable.bulkInsert<EdgeRow>({
  source_id: ({ record }) => record.sourceId,
  destination_id: ({ record }) => record.destinationId,
  state: ({ visible }) => visible,
  own_state: ({ record }) => record.ownState,
  updated_at: ({ record }) => record.updatedAt,
  position: ({ record }) => record.position,
  positioned_at: ({ record }) => record.positionedAt,
  peer_color: ({ record: { peer } }) => (peer === untouched ? undefined : peer.color),
  peer_colored_at: ({ record: { peer } }) => (peer === untouched ? undefined : peer.coloredAt),
  peer_removed_through: ({ record: { peer } }) => (peer === untouched ? undefined : peer.removedThrough),
});

const untouchedPlain = edgesTable.bulkInsert<SqlRow>({
  source_id: cell.source_id,
  destination_id: cell.destination_id,
  state: cell.own_state,
  own_state: { sameAs: 'state' },
  updated_at: cell.updated_at,
  position: { sameAs: 'updated_at' },
  positioned_at: { sameAs: 'updated_at' },
  ...noPeer,
});

const untouchedWhole = edgesTable.bulkInsert<SqlRow>({
  source_id: cell.source_id,
  destination_id: cell.destination_id,
  state: cell.own_state,
  own_state: { sameAs: 'state' },
  updated_at: cell.updated_at,
  position: cell.position,
  positioned_at: cell.positioned_at,
  ...noPeer,
});
