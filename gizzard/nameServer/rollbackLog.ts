import { RoostError, type Deadline } from '../../core/index.js';
import type { SqlSession } from '../../mysql/index.js';
import type { TableName } from './topologySql.js';

/** One entry of a rollback log: what undoes somebody's step. Its content is up to the log's writer. */
export interface RollbackEntry {
  readonly entryId: number;
  readonly operation: string;
}

export interface RollbackLog {
  /** 32 hexadecimal digits. */
  readonly logId: string;
  readonly name: string;
}

/** A change of a rollback log. Logs are stacks: only the entry of the greatest number can be taken off. */
export type LogChange =
  | { readonly kind: 'createLog'; readonly log: RollbackLog }
  | { readonly kind: 'pushEntry'; readonly logId: string; readonly entry: RollbackEntry }
  | { readonly kind: 'popEntry'; readonly logId: string; readonly entryId: number };

/**
 * Pushing the same entry again changes nothing. Throws `AlreadyExists` for a taken name or entry number, `NotFound`
 * for an unknown log or entry, and `FailedPrecondition` for an entry that is not the top one.
 */
export async function writeLogChange(
  session: SqlSession,
  table: TableName,
  change: LogChange,
  deadline: Deadline,
): Promise<void> {
  if (change.kind === 'createLog') {
    const { logId, name } = change.log;
    if (name === '' || name.length > 255)
      throw new RoostError('InvalidArgument', 'the name of a rollback log holds 1 to 255 characters');
    const [known] = await session.rows(`SELECT log_id FROM ${table('rollback_logs')} WHERE name = ?`, [name], deadline);
    if (known !== undefined)
      throw new RoostError('AlreadyExists', `there is a rollback log ${JSON.stringify(name)} already`, {
        fields: { log: name },
      });
    await session.run(`INSERT INTO ${table('rollback_logs')} (log_id, name) VALUES (?, ?)`, [logId, name], deadline);
    return;
  }
  const { logId } = change;
  const [log] = await session.rows(`SELECT name FROM ${table('rollback_logs')} WHERE log_id = ?`, [logId], deadline);
  if (log === undefined)
    throw new RoostError('NotFound', `there is no rollback log of id ${JSON.stringify(logId)}`, {
      fields: { log: logId },
    });
  if (change.kind === 'pushEntry') {
    const { entryId, operation } = change.entry;
    const [known] = await session.rows(
      `SELECT operation FROM ${table('rollback_entries')} WHERE log_id = ? AND entry_id = ?`,
      [logId, entryId],
      deadline,
    );
    if (known !== undefined && String(known[0]) !== operation)
      throw new RoostError('AlreadyExists', `entry ${entryId} of the rollback log is taken`, {
        fields: { log: logId, entry: entryId },
      });
    if (known === undefined)
      await session.run(
        `INSERT INTO ${table('rollback_entries')} (log_id, entry_id, operation) VALUES (?, ?, ?)`,
        [logId, entryId, operation],
        deadline,
      );
    return;
  }
  const [top] = await readEntries(session, table, logId, 1, deadline);
  if (top?.entryId !== change.entryId) {
    const is = top === undefined ? 'the log is empty' : `the uppermost is ${top.entryId}`;
    throw new RoostError('FailedPrecondition', `entry ${change.entryId} cannot be taken off the rollback log: ${is}`, {
      fields: { log: logId, entry: change.entryId },
    });
  }
  await session.run(
    `DELETE FROM ${table('rollback_entries')} WHERE log_id = ? AND entry_id = ?`,
    [logId, change.entryId],
    deadline,
  );
}

export async function findLog(
  session: SqlSession,
  table: TableName,
  name: string,
  deadline: Deadline,
): Promise<RollbackLog | undefined> {
  const [row] = await session.rows(
    `SELECT log_id, name FROM ${table('rollback_logs')} WHERE name = ?`,
    [name],
    deadline,
  );
  return row === undefined ? undefined : { logId: String(row[0]), name: String(row[1]) };
}

export async function readLogs(session: SqlSession, table: TableName, deadline: Deadline): Promise<RollbackLog[]> {
  const rows = await session.rows(`SELECT log_id, name FROM ${table('rollback_logs')} ORDER BY name`, [], deadline);
  return rows.map(([logId, name]) => ({ logId: String(logId), name: String(name) }));
}

/** The top entries, topmost first. */
export async function readEntries(
  session: SqlSession,
  table: TableName,
  logId: string,
  count: number,
  deadline: Deadline,
): Promise<RollbackEntry[]> {
  const rows = await session.rows(
    `SELECT entry_id, operation FROM ${table('rollback_entries')} WHERE log_id = ? ORDER BY entry_id DESC LIMIT ?`,
    [logId, count],
    deadline,
  );
  return rows.map(([entryId, operation]) => ({ entryId: Number(entryId), operation: String(operation) }));
}

/** Replaces one replica's logs by another's: `logs`, with all their entries. */
export async function overwriteLogs(
  session: SqlSession,
  table: TableName,
  logs: readonly (RollbackLog & { readonly entries: readonly RollbackEntry[] })[],
  deadline: Deadline,
): Promise<void> {
  await session.run(`DELETE FROM ${table('rollback_entries')}`, [], deadline);
  await session.run(`DELETE FROM ${table('rollback_logs')}`, [], deadline);
  for (const { logId, name, entries } of logs) {
    await session.run(`INSERT INTO ${table('rollback_logs')} (log_id, name) VALUES (?, ?)`, [logId, name], deadline);
    for (const { entryId, operation } of entries) {
      await session.run(
        `INSERT INTO ${table('rollback_entries')} (log_id, entry_id, operation) VALUES (?, ?, ?)`,
        [logId, entryId, operation],
        deadline,
      );
    }
  }
}
