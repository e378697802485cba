import type { Pool } from 'mysql2/promise';

const rowsPerStatement = 5_000;

/** Fills a table with columns of 64-bit numbers, and updates the planner's statistics. */
export async function fillColumns(pool: Pool, table: string, columns: readonly BigInt64Array[]): Promise<void> {
  for (let start = 0; start < columns[0]!.length; start += rowsPerStatement) {
    const rows = Array.from(columns[0]!.subarray(start, start + rowsPerStatement), (_, i) =>
      columns.map((column) => column[start + i]!),
    );
    await pool.query(`INSERT INTO ${table} VALUES ?`, [rows]);
  }
  await pool.query(`ANALYZE TABLE ${table}`);
}
