import { RoostError, type Deadline } from '../../core/index.js';
import type { SqlSession } from '../../mysql/index.js';
import { shardKey, type ShardId } from '../topology/types.js';
import type { TableName } from './topologySql.js';

/**
 * Names of shards whose tables were dropped, or renamed for dropping. A name is recorded here before its tables are
 * touched, in the transaction that finds it unused, and no shard gets it again: a process that pauses between the
 * check and the DROP cannot drop anything new.
 */
export interface SpentName {
  readonly id: ShardId;
  readonly spentAtMs: number;
}

const dayMs = 86_400_000;
/** Names per statement. */
const atOnce = 250;

/** Records names, and removes those as old as the oldest change that could be undone. */
export async function spendNames(
  session: SqlSession,
  table: TableName,
  ids: readonly ShardId[],
  nowMs: number,
  keepDays: number,
  deadline: Deadline,
): Promise<void> {
  await insert(
    session,
    table,
    ids.map((id) => ({ id, spentAtMs: nowMs })),
    deadline,
  );
  await session.run(
    `DELETE FROM ${table('spent_names')} WHERE spent_at < ? LIMIT 1000`,
    [nowMs - keepDays * dayMs],
    deadline,
  );
}

export async function reviveNames(
  session: SqlSession,
  table: TableName,
  ids: readonly ShardId[],
  deadline: Deadline,
): Promise<void> {
  for (const { hostname, tablePrefix } of ids)
    await session.run(
      `DELETE FROM ${table('spent_names')} WHERE hostname = ? AND table_prefix = ?`,
      [hostname, tablePrefix],
      deadline,
    );
}

/** The first of some names that is spent. */
export async function firstSpent(
  session: SqlSession,
  table: TableName,
  ids: readonly ShardId[],
  deadline: Deadline,
): Promise<SpentName | undefined> {
  for (const part of parts(ids)) {
    const [row] = await session.rows(
      `SELECT hostname, table_prefix, spent_at FROM ${table('spent_names')} WHERE (hostname, table_prefix) IN (${part.map(() => '(?, ?)').join()}) LIMIT 1`,
      part.flatMap(({ hostname, tablePrefix }) => [hostname, tablePrefix]),
      deadline,
    );
    if (row !== undefined)
      return { id: { hostname: String(row[0]), tablePrefix: String(row[1]) }, spentAtMs: Number(row[2]) };
  }
  return undefined;
}

export async function readSpentNames(session: SqlSession, table: TableName, deadline: Deadline): Promise<SpentName[]> {
  const rows = await session.rows(`SELECT hostname, table_prefix, spent_at FROM ${table('spent_names')}`, [], deadline);
  return rows.map(([hostname, tablePrefix, spentAt]) => ({
    id: { hostname: String(hostname), tablePrefix: String(tablePrefix) },
    spentAtMs: Number(spentAt),
  }));
}

/** Replaces one replica's spent names by another's. */
export async function overwriteSpentNames(
  session: SqlSession,
  table: TableName,
  names: readonly SpentName[],
  deadline: Deadline,
): Promise<void> {
  await session.run(`DELETE FROM ${table('spent_names')}`, [], deadline);
  await insert(session, table, names, deadline);
}

export const refuseSpent = ({ id, spentAtMs }: SpentName): RoostError =>
  new RoostError(
    'FailedPrecondition',
    `shard ${shardKey(id)} cannot be created: its tables were dropped at ${new Date(spentAtMs).toISOString()}, and a name is used once; choose another`,
    {
      fields: { shard: shardKey(id) },
    },
  );

async function insert(
  session: SqlSession,
  table: TableName,
  names: readonly SpentName[],
  deadline: Deadline,
): Promise<void> {
  for (const part of parts(names)) {
    await session.run(
      `INSERT IGNORE INTO ${table('spent_names')} (hostname, table_prefix, spent_at) VALUES ${part.map(() => '(?, ?, ?)').join()}`,
      part.flatMap(({ id, spentAtMs }) => [id.hostname, id.tablePrefix, spentAtMs]),
      deadline,
    );
  }
}

function* parts<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += atOnce) yield all.slice(start, start + atOnce);
}
