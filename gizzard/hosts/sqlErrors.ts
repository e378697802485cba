import { RoostError, type ErrorCode } from '../../core/index.js';

/** Server errors that another attempt of the same transaction cures: deadlock, lock wait, and a row that somebody else has just inserted. */
const conflicts = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_DUP_ENTRY', 'ER_CHECKREAD']);
const timeouts = new Set(['ER_QUERY_TIMEOUT', 'ER_STATEMENT_TIMEOUT']);
const unavailable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ER_SERVER_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  'ER_CONNECTION_KILLED',
  'ER_QUERY_INTERRUPTED',
  // Switched to read-only, as before a change of roles.
  'ER_OPTION_PREVENTS_STATEMENT',
  'ER_READ_ONLY_MODE',
]);
/** No room on the disk or in a table of the server's: what is asked is right and will do later. */
const overloaded = new Set(['ER_MAX_PREPARED_STMT_COUNT_REACHED', 'ER_DISK_FULL', 'ER_RECORD_FILE_FULL', 'ER_OUT_OF_RESOURCES', 'ER_OUTOFMEMORY']);
const missing = new Set(['ER_NO_SUCH_TABLE', 'ER_BAD_DB_ERROR']);
/** Errors of MariaDB that the driver does not know by name. */
const mariadbNames: Readonly<Record<number, string>> = { 1927: 'ER_CONNECTION_KILLED', 1969: 'ER_STATEMENT_TIMEOUT' };
/** A full line of statements needs some of them to end. */
const overloadedRetryAfterMs = 200;

/** What mysql2 hands to its callbacks. */
export type DriverError = Error & { readonly code?: string | undefined; readonly errno?: number | undefined };

/** Translates what mysql2 reports, naming the host and the statement. */
export function sqlError(error: DriverError, host: string, statement?: string): RoostError {
  const name = error.code ?? mariadbNames[error.errno ?? 0];
  const code = canonical(name, error.message);
  return new RoostError(code, `${host}: ${error.message === '' ? (name ?? 'no message') : error.message}`, {
    cause: error,
    fields: { host, statement, sql_code: name },
    ...(code === 'Overloaded' ? { retryAfterMs: overloadedRetryAfterMs } : {}),
  });
}

function canonical(name: string | undefined, message: string): ErrorCode {
  // The pool's own errors have no code.
  if (name === undefined) return /queue limit/i.test(message) ? 'Overloaded' : /connection|closed/i.test(message) ? 'Unavailable' : 'Internal';
  if (conflicts.has(name)) return 'Conflict';
  if (timeouts.has(name)) return 'DeadlineExceeded';
  if (unavailable.has(name)) return 'Unavailable';
  if (overloaded.has(name)) return 'Overloaded';
  return missing.has(name) ? 'FailedPrecondition' : 'Internal';
}
