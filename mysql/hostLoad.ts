import type { Deadline } from '../core/index.js';
import type { SqlSession } from './databaseHost.js';

/** Statements that a host has run since its start, and those running now. */
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

/** The column index of the lag, which both servers have kept through every renaming. */
const lagColumn = 32;

/** Seconds behind the replicated server; undefined if it replicates none, or we may not ask. */
export async function replicationLagSeconds(session: SqlSession, deadline: Deadline): Promise<number | undefined> {
  try {
    const [status] = await session.rows('SHOW REPLICA STATUS', [], deadline);
    const lag = status?.[lagColumn];
    return lag == null ? undefined : Number(lag);
  } catch {
    // Without the right to ask, nothing is known; a host that is down shows in the work itself.
    return undefined;
  }
}
