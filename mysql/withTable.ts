import { isRoostError, type Deadline } from '../core/index.js';
import type { DatabaseHost } from './databaseHost.js';

/** Runs work that uses a table. If the table is missing, creates it and runs the work once more. */
export async function withTable<T>(
  host: DatabaseHost,
  { table, columns }: { readonly table: string; readonly columns: string },
  deadline: Deadline,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isRoostError(error) || error.fields['sql_code'] !== 'ER_NO_SUCH_TABLE') throw error;
    await host.run(
      `CREATE TABLE IF NOT EXISTS ${table} (${columns}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      [],
      deadline,
    );
    return work();
  }
}
