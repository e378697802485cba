import type { Deadline } from '../../core/index.js';
import type { SqlRow, SqlSession } from '../../gizzard/index.js';
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
export const edgeColumns = 'source_id, destination_id, state, own_state, updated_at, position, positioned_at, peer_colour, peer_coloured_at, peer_removed_through';

export const rowOf = (tableId: number, [source, destination, visible, ownState, updatedAt, position, positionedAt, peerColour, peerColouredAt, peerRemovedThrough]: SqlRow): EdgeRow => ({
  record: {
    tableId,
    sourceId: BigInt(source as number),
    destinationId: BigInt(destination as number),
    ownState: Number(ownState),
    updatedAt: BigInt(updatedAt as number),
    position: BigInt(position as number),
    positionedAt: BigInt(positionedAt as number),
    peer: peerColour === null ? untouched : registersOf(peerColour, peerColouredAt, peerRemovedThrough),
  },
  visible: Number(visible),
});

/** The rows that exist of those keys, by their place in `keys`. */
export async function readRows(session: SqlSession, tables: EdgeTables, keys: readonly Pick<EdgeRecord, 'tableId' | 'sourceId' | 'destinationId'>[], deadline: Deadline): Promise<Map<number, EdgeRow>> {
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

/** Inserts rows plainly: a row that exists after all is a `Conflict`. */
export const insertRows = (session: SqlSession, tables: EdgeTables, rows: readonly EdgeRow[], deadline: Deadline): Promise<void> => writeRows(session, tables, rows, '', deadline);

const replaceAll = ['state', 'own_state', 'updated_at', 'position', 'positioned_at', 'peer_colour', 'peer_coloured_at', 'peer_removed_through']
  .map((column) => `${column} = VALUES(${column})`)
  .join(', ');

/** Writes rows that exist; one whose state or position changed moves to its new place. */
export const replaceRows = (session: SqlSession, tables: EdgeTables, rows: readonly EdgeRow[], deadline: Deadline): Promise<void> =>
  writeRows(session, tables, rows, `ON DUPLICATE KEY UPDATE ${replaceAll}`, deadline);

async function writeRows(session: SqlSession, tables: EdgeTables, rows: readonly EdgeRow[], onDuplicate: string, deadline: Deadline): Promise<void> {
  if (rows.length === 0) return;
  const form = rows.every(isPlain) ? plain : whole;
  await session.run(`INSERT INTO ${tables.edges} (${edgeColumns}) SELECT ${form.select} FROM JSON_TABLE(?, '$[*]' COLUMNS (${form.columns})) j ${onDuplicate}`, [jsonRows(rows, form.json)], deadline);
}

/** An edge that was added once, at the time that is its position, between nodes that nothing happened to. Most are. */
const isPlain = ({ record, visible }: EdgeRow): boolean =>
  record.peer === untouched && record.position === record.updatedAt && record.positionedAt === record.updatedAt && record.ownState === visible;

/** Rows as JSON: each value that a row repeats is sent once, which is a fifth of the statement's time. */
interface JsonForm {
  readonly select: string;
  readonly columns: string;
  readonly json: (row: EdgeRow) => string;
}

const plain: JsonForm = {
  select: 's, d, v, v, u, u, u, NULL, NULL, NULL',
  columns: `s BIGINT UNSIGNED PATH '$[0]', d BIGINT UNSIGNED PATH '$[1]', v TINYINT UNSIGNED PATH '$[2]', u BIGINT PATH '$[3]'`,
  json: ({ record: r, visible }) => `${r.sourceId},${r.destinationId},${visible},${r.updatedAt}`,
};

const whole: JsonForm = {
  select: 's, d, v, o, u, p, q, c, a, r',
  columns: `s BIGINT UNSIGNED PATH '$[0]', d BIGINT UNSIGNED PATH '$[1]', v TINYINT UNSIGNED PATH '$[2]', o TINYINT UNSIGNED PATH '$[3]', u BIGINT PATH '$[4]',
    p BIGINT PATH '$[5]', q BIGINT PATH '$[6]', c TINYINT UNSIGNED PATH '$[7]', a BIGINT PATH '$[8]', r BIGINT PATH '$[9]'`,
  json: ({ record: r, visible }) => {
    const peer = r.peer === untouched ? 'null,null,null' : `${r.peer.colour},${r.peer.colouredAt},${r.peer.removedThrough}`;
    return `${r.sourceId},${r.destinationId},${visible},${r.ownState},${r.updatedAt},${r.position},${r.positionedAt},${peer}`;
  },
};
