import type { Deadline } from '../core/index.js';
import type { SqlSession } from './databaseHost.js';

/** A database host's clock as an SQL expression: milliseconds since 1970, whatever its time zone. */
export const hostClockMs = `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000`;

/** Reads that clock. */
export async function readHostClock(session: SqlSession, deadline: Deadline): Promise<number> {
  const [row] = await session.rows(`SELECT ${hostClockMs}`, [], deadline);
  return Number(row![0]);
}
