import { RoostError, type Deadline } from '../core/index.js';
import type { SqlSession } from './databaseHost.js';

/** Errors that mean that a host has no such table, or hides it. */
const withoutDisks: ReadonlySet<string> = new Set([
  'ER_UNKNOWN_TABLE',
  'ER_NO_SUCH_TABLE',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_SPECIFIC_ACCESS_DENIED_ERROR',
]);

export interface DatabaseRoom {
  /** Bytes of all tables and their indexes. */
  readonly usedBytes: number;
  /**
   * The smaller of the free part of the configured capacity and of the data's disk. The disk is unknown on MySQL, and
   * on MariaDB without its plugin `disks`.
   */
  readonly freeBytes: number | undefined;
  /** What is free and why, as the end of a sentence; if unknown, what an operator can do about it. */
  readonly text: string;
}

/** Asks a host for its free room. `capacityBytes` is the configured capacity. */
export async function databaseRoom(
  host: SqlSession & { readonly name: string },
  capacityBytes: number | undefined,
  deadline: Deadline,
): Promise<DatabaseRoom> {
  const [tables] = await host.rows(
    `SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_type = 'BASE TABLE'`,
    [],
    deadline,
  );
  return roomOf(host.name, Number(tables![0]), await diskBytes(host, deadline), capacityBytes);
}

export function roomOf(
  hostname: string,
  usedBytes: number,
  diskBytes: number | undefined,
  capacityBytes: number | undefined,
): DatabaseRoom {
  const setting = `databaseHosts.${hostname}.capacityBytes`;
  const left = capacityBytes === undefined ? undefined : capacityBytes - usedBytes;
  if (left !== undefined && left <= (diskBytes ?? Infinity))
    return { usedBytes, freeBytes: left, text: `it holds ${usedBytes} of ${capacityBytes} (${setting})` };
  if (diskBytes !== undefined) return { usedBytes, freeBytes: diskBytes, text: `${diskBytes} are free on its disk` };
  return { usedBytes, freeBytes: undefined, text: `set ${setting}, or have MariaDB look (INSTALL SONAME 'disks')` };
}

/** The data folder is on the most deeply mounted disk above it. */
async function diskBytes(host: SqlSession, deadline: Deadline): Promise<number | undefined> {
  try {
    const [disk] = await host.rows(
      `SELECT available * 1024 FROM information_schema.disks WHERE LEFT(@@datadir, LENGTH(TRIM(TRAILING '/' FROM path)) + 1) = CONCAT(TRIM(TRAILING '/' FROM path), '/') ORDER BY LENGTH(path) DESC LIMIT 1`,
      [],
      deadline,
    );
    return disk === undefined ? undefined : Number(disk[0]);
  } catch (error) {
    // There is no such table, or it may not be read.
    if (error instanceof RoostError && (!error.retryable || withoutDisks.has(error.fields['sql_code'] as string)))
      return undefined;
    throw error;
  }
}
