import { RoostError, type ErrorCode } from '../../core/index.js';

/** Server errors that another attempt of the same transaction cures: deadlock, lock wait, and a row that somebody else has just inserted. */
const conflicts = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_DUP_ENTRY', 'ER_CHECKREAD']);
const timeouts = new Set(['ER_QUERY_TIMEOUT', 'ER_STATEMENT_TIMEOUT']);
const connectionCodes = new Set([
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
]);

/** What mysql2 hands to its callbacks. */
export type DriverError = Error & { readonly code?: string | undefined };

/** Translates what mysql2 reports, naming the host and the statement. */
export function sqlError(error: DriverError, host: string, statement?: string): RoostError {
  const { code, message } = error;
  return new RoostError(canonical(code, message), `${host}: ${message === '' ? (code ?? 'no message') : message}`, { cause: error, fields: { host, statement, sql_code: code } });
}

function canonical(code: string | undefined, message: string): ErrorCode {
  if (code === undefined) return /queue limit/i.test(message) ? 'Overloaded' : /connection|closed/i.test(message) ? 'Unavailable' : 'Internal';
  if (conflicts.has(code)) return 'Conflict';
  if (timeouts.has(code)) return 'DeadlineExceeded';
  if (connectionCodes.has(code)) return 'Unavailable';
  if (code === 'ER_NO_SUCH_TABLE' || code === 'ER_BAD_DB_ERROR') return 'FailedPrecondition';
  return 'Internal';
}
