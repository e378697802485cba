import type { Deadline } from '../core/index.js';
import type { SqlSession } from './databaseHost.js';

/** Which of some tables exist. `CREATE TABLE IF NOT EXISTS` asks the same, but only for accounts that may create. */
export async function existingTables(
  session: SqlSession,
  database: string,
  names: readonly string[],
  deadline: Deadline,
): Promise<ReadonlySet<string>> {
  const rows = await session.rows(
    `SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_name IN (${names.map(() => '?').join()})`,
    [database, ...names],
    deadline,
  );
  return new Set(rows.map(([name]) => String(name)));
}
