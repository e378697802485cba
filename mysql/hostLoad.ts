import type { Deadline } from '../core/index.js';
import type { SqlSession } from './databaseHost.js';

/** Statements that a host has ever run, and those that it runs now. */
export async function hostLoad(
  session: SqlSession,
  deadline: Deadline,
): Promise<{ readonly requests: number; readonly running: number }> {
  const rows = await session.rows(
    `SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Threads_running')`,
    [],
    deadline,
  );
  const status = new Map(rows.map(([name, value]) => [String(name).toLowerCase(), Number(value)]));
  return { requests: status.get('questions') ?? 0, running: status.get('threads_running') ?? 0 };
}

/** The place of the lag among the columns, which both servers have kept through every renaming. */
const lagColumn = 32;

/** How far a host is behind the one that it replicates; undefined where it does not, or where we may not ask. */
export async function replicationLagSeconds(session: SqlSession, deadline: Deadline): Promise<number | undefined> {
  try {
    const [status] = await session.rows('SHOW REPLICA STATUS', [], deadline);
    const lag = status?.[lagColumn];
    return lag == null ? undefined : Number(lag);
  } catch {
    // Without the right to look there is nothing to be said of it; a host that is down shows in the work itself.
    return undefined;
  }
}
