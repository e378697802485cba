import { deflateSync, inflateSync } from 'node:zlib';
import type { Deadline } from '../../core/index.js';
import type { SqlRow, SqlSession } from '../../mysql/index.js';
import type { RoostConfig } from '../../process/index.js';
import { changesFromJson, changesToJson } from '../topology/changeJson.js';
import type { Change } from '../topology/changes.js';
import type { TableName } from './topologySql.js';

/** The record of one change: who made it, when, what it was, and what undoes it. */
export interface AuditEntry {
  /** The topology's version after it. */
  readonly version: number;
  /** Distinguishes two changes that made the same version, on replicas that had lost sight of each other. */
  readonly changeId: string;
  readonly changedAtMs: number;
  readonly by: string;
  readonly changes: readonly Change[];
  /** Applied to the state after the change, these give the state before. */
  readonly inverse: readonly Change[];
}

/** How much of the audit is kept. */
export type AuditRetention = Pick<RoostConfig['nameServer'], 'auditEntries' | 'auditDays'>;

const dayMs = 86_400_000;
/** The most entries that one change removes, so that shortening a long audit delays none for long. */
const forgottenAtOnce = 100;

const columns = 'version, change_id, changed_at, actor, changes, inverse';

/** Large changes (a table of thousands of shards) shrink to a twentieth. */
const pack = (changes: readonly Change[]): Buffer => deflateSync(changesToJson(changes));
const unpack = (packed: SqlRow[number] | undefined): readonly Change[] =>
  changesFromJson(inflateSync(packed as Buffer).toString());

export async function writeAudit(
  session: SqlSession,
  table: TableName,
  entry: AuditEntry,
  deadline: Deadline,
): Promise<void> {
  await session.run(
    `REPLACE INTO ${table('audit')} (${columns}, change_count) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    [
      entry.version,
      entry.changeId,
      entry.changedAtMs,
      entry.by.slice(0, 255),
      pack(entry.changes),
      pack(entry.inverse),
      entry.changes.length,
    ],
    deadline,
  );
}

/** Removes entries that are too old compared with the newest one's time, so that every replica removes the same. */
export async function pruneAudit(
  session: SqlSession,
  table: TableName,
  newest: AuditEntry,
  { auditEntries, auditDays }: AuditRetention,
  deadline: Deadline,
): Promise<void> {
  const oldest = await session.rows(
    `SELECT version, changed_at FROM ${table('audit')} ORDER BY version LIMIT ?`,
    [forgottenAtOnce],
    deadline,
  );
  const last = oldest.findLast(
    ([version, changedAt]) =>
      Number(version) <= newest.version - auditEntries || Number(changedAt) < newest.changedAtMs - auditDays * dayMs,
  );
  if (last !== undefined)
    await session.run(`DELETE FROM ${table('audit')} WHERE version <= ?`, [Number(last[0])], deadline);
}

/** Removes an entry that was replaced. */
export async function removeAudit(
  session: SqlSession,
  table: TableName,
  { version, changeId }: AuditEntry,
  deadline: Deadline,
): Promise<void> {
  await session.run(`DELETE FROM ${table('audit')} WHERE version = ? AND change_id = ?`, [version, changeId], deadline);
}

/** The newest entries below a version, newest first. */
export async function readAudit(
  session: SqlSession,
  table: TableName,
  belowVersion: number,
  count: number,
  deadline: Deadline,
): Promise<AuditEntry[]> {
  const rows = await session.rows(
    `SELECT ${columns} FROM ${table('audit')} WHERE version < ? ORDER BY version DESC LIMIT ?`,
    [belowVersion, count],
    deadline,
  );
  return rows.map(toEntry);
}

/** The oldest entries from a version on, oldest first. */
export async function readAuditFrom(
  session: SqlSession,
  table: TableName,
  fromVersion: number,
  count: number,
  deadline: Deadline,
): Promise<AuditEntry[]> {
  const rows = await session.rows(
    `SELECT ${columns} FROM ${table('audit')} WHERE version >= ? ORDER BY version LIMIT ?`,
    [fromVersion, count],
    deadline,
  );
  return rows.map(toEntry);
}

const toEntry = ([version, changeId, changedAt, actor, changes, inverse]: SqlRow): AuditEntry => ({
  version: Number(version),
  changeId: String(changeId),
  changedAtMs: Number(changedAt),
  by: String(actor),
  changes: unpack(changes),
  inverse: unpack(inverse),
});
