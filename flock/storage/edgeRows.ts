import type { Deadline } from '../../core/index.js';
import type { SqlRow, SqlSession } from '../../mysql/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { untouched } from '../nodeRegisters.js';
import type { EdgeTables } from './edgeTables.js';
import { jsonRows } from './json.js';
import { registersOf } from './nodeRows.js';

/** An edge's row: what is remembered of it, and the state that queries see, which its place in the table depends on. */
export interface EdgeRow {
  readonly record: EdgeRecord;
  readonly visible: number;
}

/** The columns of an edge's row, in the order in which `rowOf` takes them. */
export const edgeColumns =
  'source_id, destination_id, state, own_state, updated_at, position, positioned_at, peer_colour, peer_coloured_at, peer_removed_through';

/** The places of some of them, for rows that are not taken apart. */
export const column = {
  source: 0,
  destination: 1,
  state: 2,
  ownState: 3,
  updatedAt: 4,
  position: 5,
  positionedAt: 6,
  peerColor: 7,
} as const;

export const rowOf = (
  tableId: number,
  [
    source,
    destination,
    visible,
    ownState,
    updatedAt,
    position,
    positionedAt,
    peerColor,
    peerColoredAt,
    peerRemovedThrough,
  ]: SqlRow,
): EdgeRow => ({
  record: {
    tableId,
    sourceId: BigInt(source as number),
    destinationId: BigInt(destination as number),
    ownState: Number(ownState),
    updatedAt: BigInt(updatedAt as number),
    position: BigInt(position as number),
    positionedAt: BigInt(positionedAt as number),
    peer: peerColor === null ? untouched : registersOf(peerColor, peerColoredAt, peerRemovedThrough),
  },
  visible: Number(visible),
});

/** The rows that exist of those keys, by their place in `keys`. */
export async function readRows(
  session: SqlSession,
  tables: EdgeTables,
  keys: readonly Pick<EdgeRecord, 'tableId' | 'sourceId' | 'destinationId'>[],
  deadline: Deadline,
): Promise<Map<number, EdgeRow>> {
  const rows = await session.rows(
    `SELECT ${edgeColumns.replaceAll(/\w+/g, 'e.$&')}, k.i
     FROM JSON_TABLE(?, '$[*]' COLUMNS (i FOR ORDINALITY, s BIGINT UNSIGNED PATH '$[0]', d BIGINT UNSIGNED PATH '$[1]')) k
     STRAIGHT_JOIN ${tables.edges} e ON e.source_id = k.s AND e.destination_id = k.d`,
    [jsonRows(keys, (key) => `${key.sourceId},${key.destinationId}`)],
    deadline,
  );
  return new Map(
    rows.map((row) => {
      const place = Number(row[10]) - 1;
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
    `SELECT ${edgeColumns}
     FROM JSON_TABLE(?, '$[*]' COLUMNS (s BIGINT UNSIGNED PATH '$[0]', d BIGINT UNSIGNED PATH '$[1]')) k
     STRAIGHT_JOIN ${edges} e ON e.source_id = k.s AND e.destination_id = k.d`,
    [jsonRows(keys, (key) => key)],
    deadline,
  );

/** The places in `rows` of those that exist here. */
export async function placesHere(
  session: SqlSession,
  tables: EdgeTables,
  rows: readonly SqlRow[],
  deadline: Deadline,
): Promise<Set<number>> {
  if (rows.length === 0) return new Set();
  const found = await session.rows(
    `SELECT k.i
     FROM JSON_TABLE(?, '$[*]' COLUMNS (i FOR ORDINALITY, s BIGINT UNSIGNED PATH '$[0]', d BIGINT UNSIGNED PATH '$[1]')) k
     STRAIGHT_JOIN ${tables.edges} e ON e.source_id = k.s AND e.destination_id = k.d`,
    [jsonRows(rows, (row) => [row[column.source], row[column.destination]].join())],
    deadline,
  );
  return new Set(found.map(([i]) => Number(i) - 1));
}

/** Inserts rows plainly: a row that exists after all is a `Conflict`. */
export const insertRows = (
  session: SqlSession,
  tables: EdgeTables,
  rows: readonly EdgeRow[],
  deadline: Deadline,
): Promise<void> => writeRows(session, tables, rows, '', deadline);

const replaceAll = [
  'state',
  'own_state',
  'updated_at',
  'position',
  'positioned_at',
  'peer_colour',
  'peer_coloured_at',
  'peer_removed_through',
]
  .map((column) => `${column} = VALUES(${column})`)
  .join(', ');

/** Writes rows that exist; one whose state or position changed moves to its new place. */
export const replaceRows = (
  session: SqlSession,
  tables: EdgeTables,
  rows: readonly EdgeRow[],
  deadline: Deadline,
): Promise<void> => writeRows(session, tables, rows, `ON DUPLICATE KEY UPDATE ${replaceAll}`, deadline);

async function writeRows(
  session: SqlSession,
  tables: EdgeTables,
  rows: readonly EdgeRow[],
  onDuplicate: string,
  deadline: Deadline,
): Promise<void> {
  if (rows.length > 0)
    await insertJson(session, tables, rows.every(isPlain) ? plain : whole, rows, onDuplicate, deadline);
}

/**
 * Inserts rows plainly as another shard has them, without taking them apart. Nothing may have happened to the nodes at their ends, so that what queries see
 * is the edge's own state.
 */
export async function insertUntouched(
  session: SqlSession,
  tables: EdgeTables,
  rows: readonly SqlRow[],
  deadline: Deadline,
): Promise<void> {
  if (rows.length === 0) return;
  const arePlain = rows.every(
    (row) => row[column.position] === row[column.updatedAt] && row[column.positionedAt] === row[column.updatedAt],
  );
  await insertJson(session, tables, arePlain ? untouchedPlain : untouchedWhole, rows, '', deadline);
}

async function insertJson<Row>(
  session: SqlSession,
  tables: EdgeTables,
  { select, columns, json }: JsonForm<Row>,
  rows: readonly Row[],
  onDuplicate: string,
  deadline: Deadline,
): Promise<void> {
  await session.run(
    `INSERT INTO ${tables.edges} (${edgeColumns}) SELECT ${select} FROM JSON_TABLE(?, '$[*]' COLUMNS (${columns})) j ${onDuplicate}`,
    [jsonRows(rows, json)],
    deadline,
  );
}

/** An edge that was added once, at the time that is its position, between nodes that nothing happened to. Most are. */
const isPlain = ({ record, visible }: EdgeRow): boolean =>
  record.peer === untouched &&
  record.position === record.updatedAt &&
  record.positionedAt === record.updatedAt &&
  record.ownState === visible;

/** Rows as JSON: each value that a row repeats is sent once, which is a fifth of the statement's time. */
interface JsonForm<Row> {
  readonly select: string;
  readonly columns: string;
  readonly json: (row: Row) => string;
}

const plain: JsonForm<EdgeRow> = {
  select: 's, d, v, v, u, u, u, NULL, NULL, NULL',
  columns: `s BIGINT UNSIGNED PATH '$[0]', d BIGINT UNSIGNED PATH '$[1]', v TINYINT UNSIGNED PATH '$[2]', u BIGINT PATH '$[3]'`,
  json: ({ record: r, visible }) => `${r.sourceId},${r.destinationId},${visible},${r.updatedAt}`,
};

const whole: JsonForm<EdgeRow> = {
  select: 's, d, v, o, u, p, q, c, a, r',
  columns: `s BIGINT UNSIGNED PATH '$[0]', d BIGINT UNSIGNED PATH '$[1]', v TINYINT UNSIGNED PATH '$[2]', o TINYINT UNSIGNED PATH '$[3]', u BIGINT PATH '$[4]',
    p BIGINT PATH '$[5]', q BIGINT PATH '$[6]', c TINYINT UNSIGNED PATH '$[7]', a BIGINT PATH '$[8]', r BIGINT PATH '$[9]'`,
  json: ({ record: r, visible }) => {
    const peer =
      r.peer === untouched ? 'null,null,null' : `${r.peer.color},${r.peer.coloredAt},${r.peer.removedThrough}`;
    return `${r.sourceId},${r.destinationId},${visible},${r.ownState},${r.updatedAt},${r.position},${r.positionedAt},${peer}`;
  },
};

const untouchedPlain: JsonForm<SqlRow> = {
  ...plain,
  json: (row) =>
    `${row[column.source] as number},${row[column.destination] as number},${row[column.ownState] as number},${row[column.updatedAt] as number}`,
};

const untouchedWhole: JsonForm<SqlRow> = {
  select: 's, d, v, v, u, p, q, NULL, NULL, NULL',
  columns: `${plain.columns}, p BIGINT PATH '$[4]', q BIGINT PATH '$[5]'`,
  json: (row) => `${untouchedPlain.json(row)},${row[column.position] as number},${row[column.positionedAt] as number}`,
};
