import { Deadline, RoostError } from '../../core/index.js';
import type { DatabaseHost } from '../../mysql/index.js';

const deadlineMs = 5_000;

/** How a host says that it has no such table, or does not show it. */
const withoutDisks: ReadonlySet<string> = new Set([
  'ER_UNKNOWN_TABLE',
  'ER_NO_SUCH_TABLE',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_SPECIFIC_ACCESS_DENIED_ERROR',
]);

/** What a database host can tell of its room. */
export interface HostRoom {
  /** Bytes of all its tables with their indexes. */
  readonly usedBytes: number;
  /** Bytes that are free on the disk of its data; undefined where the server cannot tell, as MySQL never can, and MariaDB only with its plugin `disks`. */
  readonly freeBytes: number | undefined;
}

export async function hostRoom(host: DatabaseHost): Promise<HostRoom> {
  const deadline = Deadline.after(deadlineMs);
  const [tables] = await host.rows(
    `SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_type = 'BASE TABLE'`,
    [],
    deadline,
  );
  return { usedBytes: Number(tables![0]), freeBytes: await freeBytes(host, deadline) };
}

/** Of the disks that the data folder lies on, the one that is mounted deepest holds it. */
async function freeBytes(host: DatabaseHost, deadline: Deadline): Promise<number | undefined> {
  try {
    const [disk] = await host.rows(
      `SELECT available * 1024 FROM information_schema.disks WHERE LEFT(@@datadir, LENGTH(TRIM(TRAILING '/' FROM path)) + 1) = CONCAT(TRIM(TRAILING '/' FROM path), '/') ORDER BY LENGTH(path) DESC LIMIT 1`,
      [],
      deadline,
    );
    return disk === undefined ? undefined : Number(disk[0]);
  } catch (error) {
    // There is no such table, or we may not look at it.
    if (error instanceof RoostError && (!error.retryable || withoutDisks.has(error.fields['sql_code'] as string)))
      return undefined;
    throw error;
  }
}

/** Why what is to come has no place; undefined where it has, or nobody can tell. */
export function lackOfRoom(
  hostname: string,
  comingBytes: number,
  { usedBytes, freeBytes }: HostRoom,
  capacityBytes: number | undefined,
): string | undefined {
  if (capacityBytes !== undefined && usedBytes + comingBytes > capacityBytes) {
    return `host ${hostname} has no room: ${comingBytes} bytes are to come, and it holds ${usedBytes} of ${capacityBytes} (databaseHosts.${hostname}.capacityBytes)`;
  }
  if (freeBytes !== undefined && comingBytes > freeBytes)
    return `host ${hostname} has no room: ${comingBytes} bytes are to come, and ${freeBytes} are free on its disk`;
  return undefined;
}
