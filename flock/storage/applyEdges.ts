import type { Deadline } from '../../core/index.js';
import type { DatabaseHost, SqlSession } from '../../gizzard/index.js';
import { compare, foldWrites, mergeInto, type EdgeRecord } from '../edgeRecord.js';
import type { EdgeTables } from './edgeTables.js';

/** What a transaction does to a node's counters, by rank of state. */
type Counts = [normal: number, negative: number, archived: number, removed: number];

/**
 * Merges writes into one shard's rows and counters, in one transaction: all of them, or none.
 *
 * Rows that exist are read and locked in the order of their keys, merged here and written back; rows that are new are inserted plainly, so that a
 * race with another process over the same new row shows as a duplicate key, and the transaction starts again and then finds the row.
 * So what the counters gain is always the difference between rows as they were and rows as they are.
 */
export function applyEdges(host: DatabaseHost, tables: EdgeTables, writes: readonly EdgeRecord[], deadline: Deadline): Promise<void> {
  const folded = foldWrites(writes);
  return host.transaction(deadline, async (session) => {
    const known = await lockRows(session, tables, folded, deadline);
    const inserted: EdgeRecord[] = [];
    const changed: EdgeRecord[] = [];
    const counts = new Map<bigint, Counts>();
    for (const [i, write] of folded.entries()) {
      const row = known.get(i);
      if (row === undefined) {
        inserted.push(write);
        countsOf(counts, write.sourceId)[write.state]!++;
        continue;
      }
      const before = row.state;
      if (!mergeInto(row, write)) continue;
      changed.push(row);
      if (row.state === before) continue;
      const delta = countsOf(counts, row.sourceId);
      delta[before]!--;
      delta[row.state]!++;
    }
    if (inserted.length > 0) await writeRows(session, `INSERT INTO ${tables.edges}`, '', inserted, deadline);
    if (changed.length > 0) {
      const replace = ['state', 'position', 'updated_at', 'positioned_at'].map((column) => `${column} = VALUES(${column})`).join(', ');
      await writeRows(session, `INSERT INTO ${tables.edges}`, `ON DUPLICATE KEY UPDATE ${replace}`, changed, deadline);
    }
    await addCounts(session, tables, counts, deadline);
  });
}

function countsOf(counts: Map<bigint, Counts>, sourceId: bigint): Counts {
  let found = counts.get(sourceId);
  if (found === undefined) {
    found = [0, 0, 0, 0];
    counts.set(sourceId, found);
  }
  return found;
}

/** The rows that exist of those keys, locked, by their place in `keys`. */
async function lockRows(session: SqlSession, tables: EdgeTables, keys: readonly EdgeRecord[], deadline: Deadline): Promise<Map<number, EdgeRecord>> {
  const rows = await session.rows(
    `SELECT k.i, e.state, e.updated_at, e.position, e.positioned_at
     FROM JSON_TABLE(?, '$[*]' COLUMNS (i FOR ORDINALITY, s BIGINT UNSIGNED PATH '$[0]', d BIGINT UNSIGNED PATH '$[1]')) k
     STRAIGHT_JOIN ${tables.edges} e ON e.source_id = k.s AND e.destination_id = k.d
     FOR UPDATE`,
    [jsonRows(keys, (key) => `${key.sourceId},${key.destinationId}`)],
    deadline,
  );
  return new Map(
    rows.map(([i, state, updatedAt, position, positionedAt]) => {
      const index = Number(i) - 1;
      const { sourceId, destinationId } = keys[index]!;
      return [index, { sourceId, destinationId, state: Number(state), updatedAt: BigInt(updatedAt as number), position: BigInt(position as number), positionedAt: BigInt(positionedAt as number) }];
    }),
  );
}

async function writeRows(session: SqlSession, insert: string, onDuplicate: string, records: readonly EdgeRecord[], deadline: Deadline): Promise<void> {
  await session.run(
    `${insert} (source_id, state, position, destination_id, updated_at, positioned_at)
     SELECT s, t, p, d, u, q
     FROM JSON_TABLE(?, '$[*]' COLUMNS (s BIGINT UNSIGNED PATH '$[0]', t TINYINT UNSIGNED PATH '$[1]', p BIGINT PATH '$[2]',
       d BIGINT UNSIGNED PATH '$[3]', u BIGINT PATH '$[4]', q BIGINT PATH '$[5]')) r
     ${onDuplicate}`,
    [jsonRows(records, (r) => `${r.sourceId},${r.state},${r.position},${r.destinationId},${r.updatedAt},${r.positionedAt}`)],
    deadline,
  );
}

async function addCounts(session: SqlSession, tables: EdgeTables, counts: ReadonlyMap<bigint, Counts>, deadline: Deadline): Promise<void> {
  // In the order of the keys, like the rows, so that two processes wait for each other and never in a circle.
  const deltas = [...counts].sort(([a], [b]) => compare(a, b));
  if (deltas.length === 0) return;
  await session.run(
    `INSERT INTO ${tables.nodes} (source_id, normal_count, negative_count, archived_count, removed_count)
     SELECT s, a, b, c, d
     FROM JSON_TABLE(?, '$[*]' COLUMNS (s BIGINT UNSIGNED PATH '$[0]', a BIGINT PATH '$[1]', b BIGINT PATH '$[2]', c BIGINT PATH '$[3]', d BIGINT PATH '$[4]')) r
     ON DUPLICATE KEY UPDATE normal_count = normal_count + VALUES(normal_count), negative_count = negative_count + VALUES(negative_count),
       archived_count = archived_count + VALUES(archived_count), removed_count = removed_count + VALUES(removed_count)`,
    [jsonRows(deltas, ([sourceId, delta]) => `${sourceId},${delta.join()}`)],
    deadline,
  );
}

/** A JSON array of rows. Integers are written as they are: JSON numbers have any number of digits, and both servers read them exactly. */
export const jsonRows = <T>(items: readonly T[], row: (item: T) => string): string => `[${items.map((item) => `[${row(item)}]`).join()}]`;
