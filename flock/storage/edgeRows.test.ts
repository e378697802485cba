import { expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { ShardDatabase, type SqlSession, type SqlValue } from '../../mysql/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { untouched } from '../nodeRegisters.js';
import { insertRows, insertUntouched, readRows, replaceRows } from './edgeRows.js';
import { edgesTable } from './edgesTable.js';
import { FlockTables } from './flockTables.js';
import { addCounts, lockNodes } from './nodeRows.js';

// What is sent for the commonest edge decides what a write costs: these are the statements, to the letter.

const tables = new FlockTables(new ShardDatabase('c')).at({ id: { tablePrefix: 's' } });
const deadline = Deadline.after(60_000);
const record: EdgeRecord = {
  tableId: 1,
  sourceId: 1n,
  destinationId: 2n ** 63n - 1n,
  ownState: 0,
  updatedAt: 5n,
  position: 5n,
  positionedAt: 5n,
  peer: untouched,
};

/** The statement that something makes, and its first value. */
async function sent(run: (session: SqlSession) => Promise<unknown>): Promise<[sql: string, value: SqlValue]> {
  let statement!: [string, SqlValue];
  const take = (sql: string, values: readonly SqlValue[]): void => {
    statement = [sql.replaceAll(/\s+/g, ' ').trim(), values[0]!];
  };
  await run({
    rows: (sql, values) => (take(sql, values), Promise.resolve([])),
    run: (sql, values) => (take(sql, values), Promise.resolve({ affectedRows: 0 })),
  });
  return statement;
}

const all =
  'source_id, state, position, destination_id, own_state, updated_at, positioned_at, peer_colour, peer_coloured_at, peer_removed_through';
const inserted =
  'source_id, destination_id, state, own_state, updated_at, position, positioned_at, peer_colour, peer_coloured_at, peer_removed_through';
const four = `JSON_TABLE(?, '$[*]' COLUMNS (v0 BIGINT UNSIGNED PATH '$[0]', v1 BIGINT UNSIGNED PATH '$[1]', v2 TINYINT UNSIGNED PATH '$[2]', v3 BIGINT PATH '$[3]')) j`;
const keys = `JSON_TABLE(?, '$[*]' COLUMNS (i FOR ORDINALITY, source_id BIGINT UNSIGNED PATH '$[0]', destination_id BIGINT UNSIGNED PATH '$[1]')) k`;

it('sends a plain edge as four numbers', async () => {
  expect(edgesTable.list).toBe(all);
  expect(await sent((session) => insertRows(session, tables, [{ record, visible: 0 }], deadline))).toEqual([
    `INSERT INTO \`c\`.\`s_edges\` (${inserted}) SELECT v0, v1, v2, v2, v3, v3, v3, NULL, NULL, NULL FROM ${four}`,
    '[[1,9223372036854775807,0,5]]',
  ]);
  // As another shard has it, in the driver's forms of numbers.
  const row = [1, 0, 5, '9223372036854775807', 0, 5, 5, null, null, null];
  const [sql, json] = await sent((session) => insertUntouched(session, tables, [row], deadline));
  expect([sql.includes(four), json]).toEqual([true, '[[1,9223372036854775807,0,5]]']);
});

it('sends the whole row of a changed edge, and overwrites the old row', async () => {
  const peer = { color: 2, coloredAt: 7n, removedThrough: -1n };
  const touched = { record: { ...record, position: 6n, peer }, visible: 2 };
  const [sql, json] = await sent((session) => replaceRows(session, tables, [touched], deadline));
  expect(sql).toContain(`SELECT v0, v1, v2, v3, v4, v5, v6, v7, v8, v9 FROM JSON_TABLE`);
  expect(sql).toMatch(
    / ON DUPLICATE KEY UPDATE state = VALUES\(state\), .*, peer_colour = VALUES\(peer_colour\), .*peer_removed_through = VALUES\(peer_removed_through\)$/,
  );
  expect(sql).not.toContain('source_id = VALUES');
  expect(json).toBe('[[1,9223372036854775807,2,0,5,6,5,2,7,-1]]');
});

it('finds rows by one parameter, and locks nodes in the order of their ids', async () => {
  expect(await sent((session) => readRows(session, tables, [record], deadline))).toEqual([
    `SELECT ${all.replaceAll(/\w+/g, 'e.$&')}, k.i FROM ${keys} STRAIGHT_JOIN \`c\`.\`s_edges\` e ON e.source_id = k.source_id AND e.destination_id = k.destination_id`,
    '[[1,9223372036854775807]]',
  ]);
  expect(await sent((session) => lockNodes(session, tables, [1n, 2n], deadline))).toEqual([
    `SELECT k.i, n.colour, n.coloured_at, n.removed_through, n.normal_count + n.negative_count + n.archived_count + n.removed_count FROM (SELECT i, source_id FROM JSON_TABLE(?, '$[*]' COLUMNS (i FOR ORDINALITY, source_id BIGINT UNSIGNED PATH '$')) j) k STRAIGHT_JOIN \`c\`.\`s_nodes\` n ON n.source_id = k.source_id FOR UPDATE`,
    '[1,2]',
  ]);
});

it('updates only the counters that change', async () => {
  const locked = new Map([[3n, { registers: untouched, edgeCount: 1 }]]);
  expect(await sent((session) => addCounts(session, tables, new Map([[3n, [1, 0, -1, 0]]]), locked, deadline))).toEqual(
    [
      "INSERT INTO `c`.`s_nodes` (source_id, normal_count, archived_count) SELECT v0, v1, v2 FROM JSON_TABLE(?, '$[*]' COLUMNS (v0 BIGINT UNSIGNED PATH '$[0]', v1 BIGINT PATH '$[1]', v2 BIGINT PATH '$[2]')) j ON DUPLICATE KEY UPDATE normal_count = normal_count + VALUES(normal_count), archived_count = archived_count + VALUES(archived_count)",
      '[[3,1,-1]]',
    ],
  );
});
