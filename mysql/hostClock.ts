import type { Deadline } from '../core/index.js';
import type { SqlSession } from './databaseHost.js';

/** What a database host's own clock says, as an expression of SQL: milliseconds since 1970, whatever its time zone. */
export const hostClockMs = `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000`;

/** The same, asked for. */
export async function readHostClock(session: SqlSession, deadline: Deadline): Promise<number> {
  const [row] = await session.rows(`SELECT ${hostClockMs}`, [], deadline);
  return Number(row![0]);
}
